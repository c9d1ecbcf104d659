//! Public halves of the keys that jobs are signed with, for scanners to pin.
use chrono::{DateTime, Utc};

use crate::{Conn, StoreError};

/// The public half of a job key.
#[derive(Clone, Debug)]
pub struct PublicJobKey {
    /// Its id.
    pub key_id: String,
    /// 32 bytes.
    pub public_key: Vec<u8>,
    /// The key before, which vouches for it.
    pub signed_by: Option<String>,
    /// That key's signature.
    pub signature: Option<Vec<u8>>,
    /// Since when it signs.
    pub active_from: DateTime<Utc>,
}

/// The keys that are not retired, newest first.
pub async fn in_use(conn: &mut Conn) -> Result<Vec<PublicJobKey>, StoreError> {
    Ok(sqlx::query_as!(
        PublicJobKey,
        "select key_id, public_key, signed_by, signature, active_from from config.signing_keys
         where retired_at is null order by active_from desc, key_id"
    )
    .fetch_all(conn)
    .await?)
}
