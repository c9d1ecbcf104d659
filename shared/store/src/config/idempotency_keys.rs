//! Answers of writes that carried an `Idempotency-Key` (product 6.1).
use chrono::{DateTime, Utc};

use crate::{Conn, StoreError};

/// What is kept under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// SHA-256 of the body, sealed.
    pub body_hash: Vec<u8>,
    /// Method of the request.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Status of the answer; absent while the first request is under way.
    pub status: Option<i32>,
    /// The answer, sealed.
    pub answer: Option<Vec<u8>>,
}

/// A request with a key.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks, such as `user:…`.
    pub actor: &'a str,
    /// The key.
    pub key: &'a str,
    /// Method of the request.
    pub method: &'a str,
    /// Its path.
    pub path: &'a str,
    /// SHA-256 of the body, sealed.
    pub body_hash: &'a [u8],
}

/// Takes the key for this request until `expires_at`; true when it was free (or what was kept has expired).
pub async fn claim(
    conn: &mut Conn,
    request: &Request<'_>,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into config.idempotency_keys as k (actor, key, method, path, body_hash, expires_at) values ($1, $2, $3, $4, $5, $7)
         on conflict (actor, key) do update
           set method = excluded.method, path = excluded.path, body_hash = excluded.body_hash, status = null, answer = null,
             expires_at = excluded.expires_at
           where k.expires_at <= $6",
        request.actor,
        request.key,
        request.method,
        request.path,
        request.body_hash,
        now,
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What is kept under the key.
pub async fn get(conn: &mut Conn, actor: &str, key: &str) -> Result<Option<Kept>, StoreError> {
    let kept = sqlx::query_as!(
        Kept,
        "select body_hash, method, path, status, answer from config.idempotency_keys where actor = $1 and key = $2",
        actor,
        key
    )
    .fetch_optional(conn)
    .await?;
    Ok(kept)
}

/// Keeps the answer until `expires_at`.
pub async fn keep(
    conn: &mut Conn,
    actor: &str,
    key: &str,
    status: i32,
    answer: &[u8],
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.idempotency_keys set status = $3, answer = $4, expires_at = $5 where actor = $1 and key = $2",
        actor,
        key,
        status,
        answer,
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives the key back: the request did nothing.
pub async fn release(conn: &mut Conn, actor: &str, key: &str) -> Result<(), StoreError> {
    sqlx::query!("delete from config.idempotency_keys where actor = $1 and key = $2 and status is null", actor, key)
        .execute(conn)
        .await?;
    Ok(())
}
