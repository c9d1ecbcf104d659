//! What scans found and what changed.
use mipo_domain::ids::ScanId;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::results::change_views::{self as changes, Change, Difference};
use mipo_store::results::filter_values;
use mipo_store::results::findings::{self, Finding, Narrow, Verdicts};
use mipo_store::results::scan_views;

use crate::audit::Entry;
use crate::{AppError, Ctx, audit};

/// Most rows of a difference.
pub const DIFFERENCE_LIMIT: i64 = 5_000;

/// A page of open ports of a scan and how many there are.
pub async fn list(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    scan: ScanId,
    by: &Narrow,
    sort: &[(String, bool)],
    limit: i64,
    offset: i64,
) -> Result<(Vec<Finding>, i64), AppError> {
    ctx.require(Right::ResultsView)?;
    Ok(findings::list(conn, scan, by, sort, limit, offset).await?)
}

/// Verdicts of a scan, counted over what is concluded.
pub async fn verdicts(conn: &mut Conn, ctx: &Ctx<'_>, scan: ScanId) -> Result<Verdicts, AppError> {
    ctx.require(Right::ResultsView)?;
    Ok(findings::verdicts(conn, scan).await?)
}

/// How many open ports a scan has reported so far.
pub async fn open_so_far(conn: &mut Conn, ctx: &Ctx<'_>, scan: ScanId) -> Result<i64, AppError> {
    ctx.require(Right::ResultsView)?;
    Ok(findings::open_so_far(conn, scan).await?)
}

/// Names of the scanners that took part, for the filter.
pub async fn scanners(conn: &mut Conn, ctx: &Ctx<'_>, scan: ScanId) -> Result<Vec<String>, AppError> {
    ctx.require(Right::ResultsView)?;
    Ok(findings::scanners(conn, scan).await?)
}

/// Services that open ports of a scan have, for the filter.
pub async fn services(conn: &mut Conn, ctx: &Ctx<'_>, scan: ScanId) -> Result<Vec<String>, AppError> {
    ctx.require(Right::ResultsView)?;
    Ok(filter_values::services(conn, scan).await?)
}

/// The difference of two scans.
#[derive(Clone, Debug)]
pub struct Diff {
    /// The scan compared with; absent when there is none.
    pub against: Option<ScanId>,
    /// Open in one and not in the other, at most [`DIFFERENCE_LIMIT`].
    pub ports: Vec<Difference>,
    /// Changes between closed and filtered that the scan recorded.
    pub other: Vec<Change>,
    /// True when there are more rows than shown.
    pub cut: bool,
}

/// Compares a scan with `against`, or with the previous scan of its template.
pub async fn diff(conn: &mut Conn, ctx: &Ctx<'_>, scan: ScanId, against: Option<ScanId>) -> Result<Diff, AppError> {
    ctx.require(Right::ResultsView)?;
    let row = scan_views::get(conn, scan).await?.ok_or(AppError::NotFound("scan"))?;
    let against = match against {
        Some(other) => {
            if scan_views::get(conn, other).await?.is_none() {
                let message = format!("There is no scan #{other} to compare with.");
                return Err(AppError::invalid("against", "unknown_scan", message));
            }
            Some(other)
        }
        None => scan_views::previous(conn, scan, row.template_id).await?,
    };
    let ports = match against {
        Some(other) => changes::difference(conn, scan, other, DIFFERENCE_LIMIT).await?,
        None => Vec::new(),
    };
    let other = changes::other_of_scan(conn, scan, DIFFERENCE_LIMIT).await?;
    let cut = ports.len() as i64 == DIFFERENCE_LIMIT || other.len() as i64 == DIFFERENCE_LIMIT;
    Ok(Diff { against, ports, other, cut })
}

/// Writes down that somebody looked at the results of a scan.
pub async fn seen(conn: &mut Conn, ctx: &Ctx<'_>, scan: ScanId) -> Result<(), AppError> {
    audit::record(conn, ctx, Entry { kind: "view", ..Entry::change("viewed", "results", scan) }).await
}
