//! The settings of the installation.
use crate::{Conn, StoreError};

/// The address under which people and scanners reach mipo, if it was set.
pub async fn public_url(conn: &mut Conn) -> Result<Option<String>, StoreError> {
    let url = sqlx::query_scalar!("select public_url from config.settings").fetch_one(conn).await?;
    Ok(url)
}
