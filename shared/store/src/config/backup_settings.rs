//! When and for whom backups are made.
use crate::{Conn, StoreError};

/// Who can decrypt a bundle; without anybody backups are off.
pub async fn recipients(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!("select recipients from config.backup_settings").fetch_one(conn).await?)
}
