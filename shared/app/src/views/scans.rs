//! Scans in lists and one by one.
use std::io::Read as _;

use mipo_domain::ids::ScanId;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::results::job_views::{self, JobRow};
use mipo_store::results::scan_views::{self, Frozen, Narrow, ScanRow, Share};
use mipo_store::results::{filter_values, findings};
use serde_json::Value;

use crate::{AppError, Ctx};

/// A frozen scope larger than this is not shown in full.
const SCOPE_SHOWN: u64 = 4 << 20;

/// A page of scans and how many there are.
pub async fn list(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    by: &Narrow,
    sort: &[(String, bool)],
    limit: i64,
    offset: i64,
) -> Result<(Vec<ScanRow>, i64), AppError> {
    ctx.require(Right::ScansView)?;
    let (rows, total) = scan_views::list(conn, by, sort, limit, offset).await?;
    Ok((rows.into_iter().map(|row| for_eyes_of(ctx, row)).collect(), total))
}

/// The scan without what it found, unless the caller may see results.
fn for_eyes_of(ctx: &Ctx<'_>, scan: ScanRow) -> ScanRow {
    if ctx.caller.may(Right::ResultsView) { scan } else { ScanRow { open_count: None, change_count: None, ..scan } }
}

/// One scan with what each scanner does for it.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The scan.
    pub scan: ScanRow,
    /// Seed, hash and warnings.
    pub frozen: Frozen,
    /// The frozen scope, once planned.
    pub scope: Option<Value>,
    /// Scanner by scanner.
    pub shares: Vec<Share>,
    /// The scan that its changes are compared with.
    pub previous: Option<ScanId>,
}

/// The scan `id`.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, id: ScanId) -> Result<ScanRow, AppError> {
    ctx.require(Right::ScansView)?;
    let scan = scan_views::get(conn, id).await?.ok_or(AppError::NotFound("scan"))?;
    Ok(for_eyes_of(ctx, scan))
}

/// Refuses when there is no scan `id`; what is shown of it is decided by whoever reads it.
pub async fn exists(conn: &mut Conn, id: ScanId) -> Result<(), AppError> {
    scan_views::get(conn, id).await?.map(drop).ok_or(AppError::NotFound("scan"))
}

/// Everything about the scan `id`.
pub async fn detail(conn: &mut Conn, ctx: &Ctx<'_>, id: ScanId) -> Result<Detail, AppError> {
    let scan = get(conn, ctx, id).await?;
    let frozen = scan_views::frozen(conn, id).await?.ok_or(AppError::NotFound("scan"))?;
    let scope = match &frozen.scope {
        None => None,
        Some(packed) => Some(unpack(packed)?),
    };
    let shares = scan_views::shares(conn, id).await?;
    let previous = scan_views::previous(conn, id, scan.template_id).await?;
    Ok(Detail { scan, frozen, scope, shares, previous })
}

/// The scan that the changes of `scan` are compared with, if there is one.
pub async fn previous(conn: &mut Conn, ctx: &Ctx<'_>, scan: &ScanRow) -> Result<Option<ScanId>, AppError> {
    ctx.require(Right::ScansView)?;
    Ok(scan_views::previous(conn, scan.id, scan.template_id).await?)
}

/// Scanner by scanner.
pub async fn shares(conn: &mut Conn, ctx: &Ctx<'_>, id: ScanId) -> Result<Vec<Share>, AppError> {
    ctx.require(Right::ScansView)?;
    Ok(scan_views::shares(conn, id).await?)
}

/// The first jobs of a scan in the order of their making, and how many there are.
pub async fn jobs(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: ScanId,
    limit: i64,
    offset: i64,
) -> Result<(Vec<JobRow>, i64), AppError> {
    jobs_by(conn, ctx, id, &job_views::Narrow::default(), &[], limit, offset).await
}

/// A page of the jobs of a scan and how many there are.
pub async fn jobs_by(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: ScanId,
    by: &job_views::Narrow,
    sort: &[(String, bool)],
    limit: i64,
    offset: i64,
) -> Result<(Vec<JobRow>, i64), AppError> {
    ctx.require(Right::ScansView)?;
    Ok(job_views::list(conn, id, by, sort, limit, offset).await?)
}

/// Values of the column `startedBy` or `template` of the list of scans.
pub async fn values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::ScansView)?;
    Ok(filter_values::of_scans(conn, column).await?)
}

/// Names of the scanners that work for a scan, for the filter of its jobs.
pub async fn scanners(conn: &mut Conn, ctx: &Ctx<'_>, id: ScanId) -> Result<Vec<String>, AppError> {
    ctx.require(Right::ScansView)?;
    Ok(findings::scanners(conn, id).await?)
}

fn unpack(packed: &[u8]) -> Result<Value, AppError> {
    let broken = |error: &dyn std::fmt::Display| AppError::Internal(format!("a frozen scope cannot be read: {error}"));
    let mut text = String::new();
    let reader = zstd::stream::read::Decoder::new(packed).map_err(|error| broken(&error))?;
    reader.take(SCOPE_SHOWN).read_to_string(&mut text).map_err(|error| broken(&error))?;
    // Cut off: it is shown by its numbers alone.
    Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
}
