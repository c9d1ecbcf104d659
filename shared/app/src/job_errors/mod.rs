//! Job errors (product 7.8): found from what the tables say, told of, and repaired. The table of classes and repairs is
//! `mipo_domain::job_errors`.
mod ask;
mod carry_out;
mod find;
mod judge;

pub use ask::{Ask, BulkAsked, ask, ask_many};
pub use carry_out::{carry_out, fail_by_itself};
pub use find::{Round, Rules, find};
pub use judge::judge_specs;
pub(crate) use judge::{flaw, public_keys};
pub use mipo_store::jobs::job_errors::{Asked, JobError};

use mipo_domain::ids::{JobErrorId, ScanJobId};
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::live;
use mipo_store::jobs::job_errors as store;
use mipo_store::lists;

use crate::{AppError, Ctx};

const KIND: &str = "job error";
/// In the audit log and in events.
const RESOURCE: &str = "job-error";
/// The longest reason that is kept.
pub const REASON_CHARS: usize = 1_000;
/// Most job errors that are repaired at once.
pub const BULK_MOST: usize = 1_000;

/// A page of job errors.
pub async fn list(conn: &mut Conn, ctx: &Ctx<'_>, ask: &lists::Ask) -> Result<lists::Found<JobError>, AppError> {
    ctx.require(Right::JobErrorsView)?;
    Ok(store::find(conn, ask).await?)
}

/// One job error.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, id: JobErrorId) -> Result<JobError, AppError> {
    ctx.require(Right::JobErrorsView)?;
    store::get(conn, id).await?.ok_or(AppError::NotFound(KIND))
}

/// One job error, for the answer to whoever has just been let in to repair it.
pub async fn answered(conn: &mut Conn, id: JobErrorId) -> Result<JobError, AppError> {
    store::get(conn, id).await?.ok_or(AppError::NotFound(KIND))
}

/// Those of `ids` that there are.
pub async fn many(conn: &mut Conn, ctx: &Ctx<'_>, ids: &[JobErrorId]) -> Result<Vec<JobError>, AppError> {
    ctx.require(Right::JobErrorsView)?;
    Ok(store::many(conn, ids).await?)
}

/// The values of a column to filter by.
pub async fn filter_values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::JobErrorsView)?;
    Ok(store::filter_values(conn, column).await?)
}

/// The open job errors of these jobs: job, id and class. Nothing for whoever may not see them.
pub async fn of_jobs(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    jobs: &[ScanJobId],
) -> Result<Vec<(ScanJobId, JobErrorId, String)>, AppError> {
    if !ctx.caller.may(Right::JobErrorsView) {
        return Ok(Vec::new());
    }
    Ok(store::of_jobs(conn, jobs).await?)
}

/// Wakes the pages that show it.
async fn touched(conn: &mut Conn, id: JobErrorId) -> Result<(), AppError> {
    live::emit(conn, live::topics::JOB_ERRORS, &id.to_string()).await?;
    Ok(())
}
