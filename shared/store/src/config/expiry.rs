//! Deletes what is past its time, in batches. Times are those of the database clock.
use crate::{Conn, StoreError};

/// Rows that one statement deletes at most.
const BATCH: i64 = 5_000;

/// What expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiring {
    /// Login sessions, 30 days after their end.
    LoginSessions,
    /// Setup and reset tokens, 30 days after their end.
    SetupTokens,
    /// API tokens of users, 30 days after their end.
    UserApiTokens,
    /// One-time tokens of scanners, 30 days after their end.
    ProvisioningTokens,
    /// Answers kept for repeated requests, at their end.
    IdempotencyKeys,
    /// Wake-up rows of open pages, after a day.
    LiveEvents,
}

impl Expiring {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::LoginSessions,
        Self::SetupTokens,
        Self::UserApiTokens,
        Self::ProvisioningTokens,
        Self::IdempotencyKeys,
        Self::LiveEvents,
    ];
}

/// Deletes one batch. Answers how many rows went; a full batch means that there may be more.
pub async fn delete(conn: &mut Conn, what: Expiring) -> Result<(u64, bool), StoreError> {
    let done = match what {
        Expiring::LoginSessions => {
            sqlx::query!(
                "delete from config.sessions where id in (
                   select id from config.sessions where least(expires_at, coalesce(ended_at, expires_at)) < now() - interval '30 days' limit $1)",
                BATCH
            )
            .execute(conn)
            .await?
        }
        Expiring::SetupTokens => {
            sqlx::query!(
                "delete from config.setup_tokens where id in (
                   select id from config.setup_tokens where expires_at < now() - interval '30 days' limit $1)",
                BATCH
            )
            .execute(conn)
            .await?
        }
        Expiring::UserApiTokens => {
            sqlx::query!(
                "delete from config.user_api_tokens where id in (
                   select id from config.user_api_tokens where expires_at < now() - interval '30 days' limit $1)",
                BATCH
            )
            .execute(conn)
            .await?
        }
        Expiring::ProvisioningTokens => {
            sqlx::query!(
                "delete from config.provisioning_tokens where id in (
                   select id from config.provisioning_tokens where expires_at < now() - interval '30 days' limit $1)",
                BATCH
            )
            .execute(conn)
            .await?
        }
        Expiring::IdempotencyKeys => {
            sqlx::query!(
                "delete from config.idempotency_keys k using (
                   select actor, key from config.idempotency_keys where expires_at < now() limit $1) old
                 where k.actor = old.actor and k.key = old.key",
                BATCH
            )
            .execute(conn)
            .await?
        }
        Expiring::LiveEvents => {
            sqlx::query!(
                "delete from config.live_events where seq in (
                   select seq from config.live_events where at < now() - interval '1 day' limit $1)",
                BATCH
            )
            .execute(conn)
            .await?
        }
    };
    let rows = done.rows_affected();
    Ok((rows, rows >= BATCH.unsigned_abs()))
}

/// Forgets previous scanner keys whose time of grace is over. Answers how many.
pub async fn forget_previous_keys(conn: &mut Conn) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "update config.scanners set previous_api_key_hash = null, previous_api_key_prefix = null, previous_key_until = null
         where previous_key_until < now()"
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
