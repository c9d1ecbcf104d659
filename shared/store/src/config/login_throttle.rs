//! How often logins failed, by address and by account.
use chrono::{DateTime, TimeDelta, Utc};

use crate::{Conn, StoreError};

/// The count of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// When the window began.
    pub window_start: DateTime<Utc>,
    /// Failures (and attempts under way) in it.
    pub failures: i32,
    /// Until when nothing is tried any more.
    pub blocked_until: Option<DateTime<Utc>>,
}

/// The count of `key`, made if it is not there, and locked until the transaction ends: parallel attempts are counted
/// one after the other.
pub async fn lock(conn: &mut Conn, key: &str, now: DateTime<Utc>) -> Result<Count, StoreError> {
    let count = sqlx::query_as!(
        Count,
        "insert into config.login_throttle as t (key, window_start, failures) values ($1, $2, 0)
         on conflict (key) do update set failures = t.failures
         returning window_start, failures, blocked_until",
        key,
        now
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// Stores the count of `key`.
pub async fn put(conn: &mut Conn, key: &str, count: &Count) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.login_throttle set window_start = $2, failures = $3, blocked_until = $4 where key = $1",
        key,
        count.window_start,
        count.failures,
        count.blocked_until
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets `key`.
pub async fn remove(conn: &mut Conn, key: &str) -> Result<(), StoreError> {
    sqlx::query!("delete from config.login_throttle where key = $1", key).execute(conn).await?;
    Ok(())
}

/// Forgets the keys that have been quiet for `quiet`, and returns those of them that had reached `stage` failures.
pub async fn sweep(
    conn: &mut Conn,
    now: DateTime<Utc>,
    quiet: TimeDelta,
    stage: i32,
) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query!(
        "delete from config.login_throttle where greatest(window_start, blocked_until) < $1 returning key, failures",
        now - quiet
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().filter(|row| row.failures >= stage).map(|row| row.key).collect())
}
