//! The history of a job error: what was asked for, by whom, and what came of it.
use chrono::{DateTime, Utc};
use mipo_domain::ids::{JobErrorId, ScanId, ScanJobId, ScannerId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Conn, StoreError};

/// One repair of a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// A word of `mipo_domain::job_errors::Repair`.
    pub action: String,
    /// Of a reassign: to whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner_id: Option<ScannerId>,
    /// Their name, as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner: Option<String>,
    /// Why.
    pub reason: String,
    /// Who asked; `dispatcher` where a setting did.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// `asked`, `done` or `refused`.
    pub state: String,
    /// When it was carried out or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<DateTime<Utc>>,
    /// What came of it, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// A job error whose history is about to change.
#[derive(Clone, Debug)]
pub struct Locked {
    /// Its id.
    pub id: JobErrorId,
    /// What it is about.
    pub job_id: ScanJobId,
    /// The scan of that.
    pub scan_id: ScanId,
    /// The scanner that had the job when it was opened.
    pub scanner_id: ScannerId,
    /// What is wrong.
    pub class: String,
    /// The history, oldest first.
    pub repairs: Vec<Asked>,
    /// When it was closed.
    pub resolved_at: Option<DateTime<Utc>>,
}

/// The job error `id`, locked until the transaction ends.
pub async fn lock(conn: &mut Conn, id: JobErrorId) -> Result<Option<Locked>, StoreError> {
    let row = sqlx::query!(
        "select state_id, job_id, scan_id, scanner_id, class, repairs, resolved_at from jobs.job_errors
         where state_id = $1 for update",
        id.as_uuid()
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Locked {
        id: row.state_id.into(),
        job_id: row.job_id.into(),
        scan_id: row.scan_id.into(),
        scanner_id: ScannerId::from(row.scanner_id),
        class: row.class,
        repairs: read(row.state_id, row.repairs)?,
        resolved_at: row.resolved_at,
    }))
}

pub(super) fn read(id: Uuid, repairs: serde_json::Value) -> Result<Vec<Asked>, StoreError> {
    serde_json::from_value(repairs).map_err(|error| StoreError::inconsistent(format!("repairs of {id}: {error}")))
}

/// Keeps the history.
pub async fn set_repairs(conn: &mut Conn, id: JobErrorId, repairs: &[Asked]) -> Result<(), StoreError> {
    let json = serde_json::to_value(repairs).map_err(|error| StoreError::inconsistent(error.to_string()))?;
    sqlx::query!("update jobs.job_errors set repairs = $2 where state_id = $1", id.as_uuid(), json)
        .execute(conn)
        .await?;
    Ok(())
}
