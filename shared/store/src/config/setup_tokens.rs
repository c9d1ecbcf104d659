//! One-time tokens that create the owner, or set the owner's password anew.
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Conn, StoreError};

/// Stores a token; earlier ones of the same purpose are dead from now on.
pub async fn insert(
    conn: &mut Conn,
    id: Uuid,
    purpose: &str,
    hash: &[u8; 32],
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!("update config.setup_tokens set used_at = $2 where purpose = $1 and used_at is null", purpose, now)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "insert into config.setup_tokens (id, purpose, token_hash, expires_at) values ($1, $2, $3, $4)",
        id,
        purpose,
        hash.as_slice(),
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// True when a token of this purpose could be used.
pub async fn any_live(conn: &mut Conn, purpose: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let live = sqlx::query_scalar!(
        r#"select exists (select 1 from config.setup_tokens where purpose = $1 and used_at is null and expires_at > $2) as "live!""#,
        purpose,
        now
    )
    .fetch_one(conn)
    .await?;
    Ok(live)
}

/// True when this very token could be used.
pub async fn is_live(conn: &mut Conn, purpose: &str, hash: &[u8; 32], now: DateTime<Utc>) -> Result<bool, StoreError> {
    let live = sqlx::query_scalar!(
        r#"select exists (select 1 from config.setup_tokens
             where purpose = $1 and token_hash = $2 and used_at is null and expires_at > $3) as "live!""#,
        purpose,
        hash.as_slice(),
        now
    )
    .fetch_one(conn)
    .await?;
    Ok(live)
}

/// Uses the token up. Of parallel tries exactly one is told true.
pub async fn consume(conn: &mut Conn, purpose: &str, hash: &[u8; 32], now: DateTime<Utc>) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.setup_tokens set used_at = $3
         where purpose = $1 and token_hash = $2 and used_at is null and expires_at > $3",
        purpose,
        hash.as_slice(),
        now
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
