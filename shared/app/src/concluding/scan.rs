//! Step 9: every sweep job of a scan has ended and is concluded.
use mipo_domain::ids::ScanId;
use mipo_domain::states::ScanStatus;
use mipo_store::Conn;
use mipo_store::jobs::scan_jobs::{self, Tally};
use mipo_store::results::scans::Scan;
use mipo_store::results::{receipts, scans};
use serde_json::json;

use crate::audit::Entry;
use crate::events::{self, Event};
use crate::scans::touched;
use crate::{AppError, Ctx, audit};

/// How far a scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanConcluded {
    /// It has its last status, by this call or an earlier one.
    Yes,
    /// A job has not ended or is not concluded.
    JobsOpen,
}

/// Ends the scan: status, counts, event, audit row. Safe to repeat.
pub async fn conclude_scan(conn: &mut Conn, ctx: &Ctx<'_>, id: ScanId) -> Result<ScanConcluded, AppError> {
    let Some(scan) = scans::lock(conn, id).await? else { return Ok(ScanConcluded::Yes) };
    let status = scan.status()?;
    if status.is_terminal() {
        return Ok(ScanConcluded::Yes);
    }
    let tally = scan_jobs::tally(conn, id).await?;
    let planned = scan.planning_finished_at.is_some() || status == ScanStatus::Cancelling;
    if !planned || tally.live > 0 || tally.unconcluded > 0 {
        return Ok(ScanConcluded::JobsOpen);
    }
    let (end, reason) = verdict(status, &tally);
    let status = let_go(conn, &scan, status).await?;
    status.become_(end).map_err(|error| AppError::Internal(format!("scan {id}: {error}")))?;
    let sums = receipts::sums(conn, id).await?;
    scans::end(conn, id, end, reason.as_deref(), ctx.now()).await?;
    scans::set_counts(conn, id, sums.open, sums.changes).await?;
    raise(conn, ctx, &scan, end, reason.as_deref(), sums).await?;
    touched(conn, id).await?;
    let after = json!({ "status": end.as_str(), "openPorts": sums.open, "changes": sums.changes });
    audit::record(conn, ctx, Entry::change("ended", "scan", id).diff(json!({ "status": scan.status }), after)).await?;
    Ok(ScanConcluded::Yes)
}

/// A paused scan whose last job ended beside the pause goes on for the moment of its end: nothing is left to hold.
async fn let_go(conn: &mut Conn, scan: &Scan, status: ScanStatus) -> Result<ScanStatus, AppError> {
    if status != ScanStatus::Paused {
        return Ok(status);
    }
    let to = if scan.started_at.is_some() { ScanStatus::Running } else { ScanStatus::Pending };
    scans::set_status(conn, scan.id, to).await?;
    Ok(to)
}

/// Completed = every job completed; partial = some coverage; failed = none.
fn verdict(status: ScanStatus, tally: &Tally) -> (ScanStatus, Option<String>) {
    if status == ScanStatus::Cancelling {
        return (ScanStatus::Cancelled, None);
    }
    if tally.jobs > 0 && tally.completed == tally.jobs {
        return (ScanStatus::Completed, None);
    }
    let mut parts = Vec::new();
    let whole = tally.jobs - tally.completed;
    parts.push(format!("{whole} of {} jobs did not complete", tally.jobs));
    for (count, word) in [(tally.timed_out, "timed out"), (tally.cancelled, "were cancelled")] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let end = if tally.covered > 0 { ScanStatus::Partial } else { ScanStatus::Failed };
    (end, Some(parts.join(", ")))
}

async fn raise(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    scan: &Scan,
    end: ScanStatus,
    reason: Option<&str>,
    sums: receipts::Sums,
) -> Result<(), AppError> {
    let (kind, severity) = match end {
        ScanStatus::Completed => ("scan_completed", "info"),
        ScanStatus::Partial => ("scan_partial", "warning"),
        ScanStatus::Cancelled => ("scan_cancelled", "info"),
        _ => ("scan_failed", "warning"),
    };
    let found = format!("{} open ports, {} changes", sums.open, sums.changes);
    let summary = match reason {
        Some(reason) => format!("Scan #{} of {} ended {end}: {reason}; {found}", scan.id, scan.template_name),
        None => format!("Scan #{} of {} ended {end}: {found}", scan.id, scan.template_name),
    };
    events::raise(
        conn,
        ctx,
        Event {
            source: "dispatcher",
            kind,
            severity,
            entity_type: "scan",
            entity_id: &scan.id.to_string(),
            summary: &summary,
            detail: json!({ "template": scan.template_name, "openPorts": sums.open, "changes": sums.changes, "reason": reason }),
        },
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_ends_as_its_jobs_did() {
        let tally = Tally { jobs: 3, completed: 3, covered: 3, ..Tally::default() };
        assert_eq!(verdict(ScanStatus::Running, &tally), (ScanStatus::Completed, None));
        assert_eq!(verdict(ScanStatus::Cancelling, &tally).0, ScanStatus::Cancelled);
        let some = Tally { completed: 2, timed_out: 1, ..tally };
        let reason = "1 of 3 jobs did not complete, 1 timed out".to_owned();
        assert_eq!(verdict(ScanStatus::Running, &some), (ScanStatus::Partial, Some(reason)));
        let none = Tally { jobs: 1, ..Tally::default() };
        assert_eq!(verdict(ScanStatus::Running, &none).0, ScanStatus::Failed);
    }
}
