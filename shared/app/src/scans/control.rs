//! Pause, resume, cancel (product 7.5). What a scanner holds is told by the directive of its next call.
use mipo_domain::ids::ScanId;
use mipo_domain::rights::Right;
use mipo_domain::states::ScanStatus;
use mipo_queue::payloads::{ConcludeScan, PlanScan};
use mipo_store::Conn;
use mipo_store::jobs::scan_jobs;
use mipo_store::results::scans::{self, Scan};
use serde_json::json;

use crate::audit::Entry;
use crate::{AppError, Ctx, audit, upkeep};

/// The hold reason of an operator's pause.
pub(crate) const OPERATOR: &str = "operator";

/// Holds a scan: what nobody works on stops at once, the rest at the next call of its scanner.
pub async fn pause(conn: &mut Conn, ctx: &Ctx<'_>, id: ScanId, reason: &str) -> Result<(), AppError> {
    let scan = admit(conn, ctx, id, reason, ScanStatus::Paused).await?;
    scans::set_status(conn, id, ScanStatus::Paused).await?;
    scan_jobs::hold_scan(conn, id, OPERATOR).await?;
    record(conn, ctx, &scan, "paused", ScanStatus::Paused, reason).await
}

/// Lets a paused scan go on where it stopped.
pub async fn resume(conn: &mut Conn, ctx: &Ctx<'_>, id: ScanId, reason: &str) -> Result<(), AppError> {
    ctx.require(Right::ScansExecute)?;
    super::check_reason(reason)?;
    scan_jobs::lock_live(conn, id).await?;
    let scan = scans::lock(conn, id).await?.ok_or(AppError::NotFound("scan"))?;
    if scan.status()? != ScanStatus::Paused {
        return Err(refused(&scan, "is not paused"));
    }
    let to = if scan.started_at.is_some() { ScanStatus::Running } else { ScanStatus::Pending };
    scans::set_status(conn, id, to).await?;
    scan_jobs::release_scan(conn, id, OPERATOR).await?;
    // Plans what is not planned yet, and signs anew what was paused.
    mipo_queue::enqueue(conn, PlanScan::task(id, true).continuing(scan.traceparent.as_deref())).await?;
    record(conn, ctx, &scan, "resumed", to, reason).await
}

/// Ends a scan early: what was found so far is kept. It must be said why.
pub async fn cancel(conn: &mut Conn, ctx: &Ctx<'_>, id: ScanId, reason: &str) -> Result<(), AppError> {
    ctx.require(Right::ScansExecute)?;
    if reason.trim().is_empty() {
        return Err(AppError::invalid("reason", "required", "Say why; it goes to the audit log."));
    }
    let scan = admit(conn, ctx, id, reason, ScanStatus::Cancelling).await?;
    scans::set_status(conn, id, ScanStatus::Cancelling).await?;
    cancel_idle_jobs(conn, &scan).await?;
    record(conn, ctx, &scan, "cancelled", ScanStatus::Cancelling, reason).await
}

/// A scan that was paused for so many days is cancelled: nobody wants it any more.
const LONGEST_PAUSE_DAYS: i32 = 7;

/// Cancels the scans that nobody resumed in time (product 7.7). Answers how many.
pub async fn cancel_forgotten(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<usize, AppError> {
    let mut cancelled = 0;
    for id in scans::paused_for(conn, LONGEST_PAUSE_DAYS).await? {
        scan_jobs::lock_live(conn, id).await?;
        let Some(scan) = scans::lock(conn, id).await? else { continue };
        if scan.status()? != ScanStatus::Paused {
            continue;
        }
        scans::set_status(conn, id, ScanStatus::Cancelling).await?;
        cancel_idle_jobs(conn, &scan).await?;
        let reason = format!("paused for more than {LONGEST_PAUSE_DAYS} days");
        record(conn, ctx, &scan, "cancelled", ScanStatus::Cancelling, &reason).await?;
        cancelled += 1;
    }
    Ok(cancelled)
}

/// Ends the jobs of a scan that is being cancelled and that nobody holds; the scan with them, when none is left.
pub async fn cancel_idle_jobs(conn: &mut Conn, scan: &Scan) -> Result<(), AppError> {
    let ended = scan_jobs::cancel_idle(conn, scan.id).await?;
    upkeep::conclude(conn, &ended).await?;
    let tally = scan_jobs::tally(conn, scan.id).await?;
    if tally.live == 0 && tally.unconcluded == 0 {
        mipo_queue::enqueue(conn, ConcludeScan::task(scan.id).continuing(scan.traceparent.as_deref())).await?;
    }
    Ok(())
}

async fn admit(conn: &mut Conn, ctx: &Ctx<'_>, id: ScanId, reason: &str, to: ScanStatus) -> Result<Scan, AppError> {
    ctx.require(Right::ScansExecute)?;
    super::check_reason(reason)?;
    scan_jobs::lock_live(conn, id).await?;
    let scan = scans::lock(conn, id).await?.ok_or(AppError::NotFound("scan"))?;
    let from = scan.status()?;
    if from.can_become(to) {
        return Ok(scan);
    }
    Err(refused(
        &scan,
        match from {
            ScanStatus::Paused => "is paused already",
            ScanStatus::Cancelling => "is being cancelled",
            _ => "has ended",
        },
    ))
}

fn refused(scan: &Scan, why: &str) -> AppError {
    AppError::conflict("WRONG_STATUS", format!("Scan #{} {why} (it is {}).", scan.id, scan.status))
}

async fn record(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    scan: &Scan,
    action: &str,
    to: ScanStatus,
    reason: &str,
) -> Result<(), AppError> {
    super::touched(conn, scan.id).await?;
    let entry = Entry::change(action, "scan", scan.id)
        .diff(json!({ "status": scan.status }), json!({ "status": to.as_str() }))
        .reason(reason.trim());
    audit::record(conn, ctx, entry).await
}
