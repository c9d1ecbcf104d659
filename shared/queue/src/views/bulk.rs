//! Bulk operations: what was asked for, and how far it got.
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::QueueError;

/// Operations that are listed.
const LISTED: i64 = 50;

/// An operation over many tasks.
#[derive(Clone, Debug)]
pub struct BulkOperation {
    /// Its id.
    pub id: Uuid,
    /// `retry`, `cancel`, `discard`, `undo_discard`, `reprioritise` or `run_now`.
    pub action: String,
    /// What it works on, in the filter language.
    pub filter: String,
    /// `{"priority": n}` of a reprioritise.
    pub arguments: Value,
    /// Why.
    pub reason: String,
    /// `pending`, `running`, `stopping`, `stopped`, `completed` or `failed`.
    pub status: String,
    /// Tasks that passed the filter when it was asked for.
    pub total_count: i64,
    /// Tasks that it has changed.
    pub done_count: i64,
    /// Tasks that were in no state for it any more.
    pub refused_count: i64,
    /// The operation whose discards it takes back.
    pub undoes: Option<Uuid>,
    /// A discard can be undone until then.
    pub undo_until: Option<DateTime<Utc>>,
    /// Who asked for it.
    pub requested_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl BulkOperation {
    /// True when nothing more will be done.
    pub fn has_ended(&self) -> bool {
        self.finished_at.is_some()
    }
}

/// The operation of this id.
pub async fn get(conn: &mut PgConnection, id: Uuid) -> Result<Option<BulkOperation>, QueueError> {
    let found = sqlx::query_as!(
        BulkOperation,
        "select id, action, filter, arguments, reason, status, total_count, done_count, refused_count, undoes, undo_until, requested_by, created_at,
           started_at, finished_at from jobs.bulk_operations where id = $1",
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(found)
}

/// The newest operations, newest first.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<BulkOperation>, QueueError> {
    let found = sqlx::query_as!(
        BulkOperation,
        "select id, action, filter, arguments, reason, status, total_count, done_count, refused_count, undoes, undo_until, requested_by, created_at,
           started_at, finished_at from jobs.bulk_operations order by id desc limit $1",
        LISTED
    )
    .fetch_all(conn)
    .await?;
    Ok(found)
}
