//! Provisioning tokens: one live token a scanner, kept as a hash. Exchanging one is ingest's part.
use chrono::{DateTime, Utc};
use mipo_domain::ids::ScannerId;
use uuid::Uuid;

use crate::{Conn, StoreError};

/// A token that was just made.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    /// Id of the row.
    pub id: Uuid,
    /// The scanner that it is for.
    pub scanner: ScannerId,
    /// The part before the secret, which finds the row.
    pub prefix: &'a str,
    /// SHA-256 of the whole token.
    pub hash: &'a [u8; 32],
    /// When it stops to work.
    pub expires_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: &'a str,
}

/// Stores a token; the one that was live before is revoked.
pub async fn replace(conn: &mut Conn, token: &NewToken<'_>) -> Result<(), StoreError> {
    revoke(conn, token.scanner).await?;
    sqlx::query!(
        "insert into config.provisioning_tokens (id, scanner_id, token_prefix, token_hash, expires_at, created_by)
         values ($1, $2, $3, $4, $5, $6)",
        token.id,
        token.scanner.as_uuid(),
        token.prefix,
        token.hash.as_slice(),
        token.expires_at,
        token.created_by
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Revokes the live token of a scanner, if it has one.
pub async fn revoke(conn: &mut Conn, scanner: ScannerId) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.provisioning_tokens set revoked_at = now()
         where scanner_id = $1 and used_at is null and revoked_at is null",
        scanner.as_uuid()
    )
    .execute(conn)
    .await?;
    Ok(())
}
