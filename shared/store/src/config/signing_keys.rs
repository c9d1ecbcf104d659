//! Keys that sign jobs (`config.signing_keys`). The private halves are sealed.
use chrono::{DateTime, Utc};

use crate::{Conn, StoreError};

/// A key that signs jobs.
#[derive(Clone)]
pub struct StoredKey {
    /// First 16 hex digits of the SHA-256 of the public key.
    pub key_id: String,
    /// 32 bytes.
    pub public_key: Vec<u8>,
    /// Sealed.
    pub private_key: Vec<u8>,
    /// Since when it signs; later than now for one that is only announced.
    pub active_from: DateTime<Utc>,
}

/// A key that is about to be stored.
pub struct NewKey<'a> {
    /// First 16 hex digits of the SHA-256 of the public key.
    pub key_id: &'a str,
    /// 32 bytes.
    pub public_key: &'a [u8],
    /// Sealed.
    pub private_key: &'a [u8],
    /// The key before it and its signature over this public key.
    pub vouched: Option<(&'a str, &'a [u8])>,
    /// Since when it signs.
    pub active_from: DateTime<Utc>,
}

/// Held while somebody looks for the active key or makes it, so that two dispatchers make one.
pub async fn lock(conn: &mut Conn) -> Result<(), StoreError> {
    sqlx::query!(r#"select pg_advisory_xact_lock(hashtextextended('mipo.signing_keys', 0)) as "locked!: ()""#)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// The keys that are not retired, the youngest first.
pub async fn in_use(conn: &mut Conn) -> Result<Vec<StoredKey>, StoreError> {
    Ok(sqlx::query_as!(
        StoredKey,
        "select key_id, public_key, private_key, active_from from config.signing_keys
         where retired_at is null order by active_from desc, key_id"
    )
    .fetch_all(conn)
    .await?)
}

/// Nothing carries a signature of the key any more.
pub async fn retire(conn: &mut Conn, key_id: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("update config.signing_keys set retired_at = $2 where key_id = $1 and retired_at is null", key_id, at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Stores a key.
pub async fn insert(conn: &mut Conn, key: &NewKey<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.signing_keys (key_id, public_key, private_key, signed_by, signature, active_from)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (key_id) do update
         set active_from = excluded.active_from, private_key = excluded.private_key, signed_by = excluded.signed_by,
           signature = excluded.signature, retired_at = null",
        key.key_id,
        key.public_key,
        key.private_key,
        key.vouched.map(|(by, _)| by),
        key.vouched.map(|(_, signature)| signature),
        key.active_from,
    )
    .execute(conn)
    .await?;
    Ok(())
}
