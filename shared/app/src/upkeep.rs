//! What reconcilers hold true, from what the tables say alone: every step that a lost task or a dead scanner left
//! undone is found and done again (product 7.1 step 10, 7.5, 7.7). Safe to repeat.
use mipo_domain::ids::ScanId;
use mipo_queue::payloads::{ConcludeJob, ConcludeScan, PlanScan, StoreResults};
use mipo_queue::upkeep::DeadTask;
use mipo_store::Conn;
use mipo_store::config::{live, silent_scanners};
use mipo_store::jobs::lapses;
use mipo_store::jobs::scan_jobs::{self, Ended};
use mipo_store::jobs::unstored_parts;
use mipo_store::results::scans::{self, Scan};
use serde_json::json;

use crate::audit::Entry;
use crate::events::{self, Event};
use crate::scans::{OPERATOR, cancel_idle_jobs, touched};
use crate::{AppError, Ctx, audit};

/// Requested scans without a plan are planned (step 2).
pub async fn plan_requested(conn: &mut Conn) -> Result<(), AppError> {
    let waiting = scans::unplanned(conn).await?;
    let tasks = waiting.iter().map(|scan| PlanScan::task(scan.id, true).continuing(scan.traceparent.as_deref()));
    mipo_queue::enqueue_many(conn, tasks.collect()).await?;
    Ok(())
}

/// Accepted parts are stored (step 5b).
pub async fn store_accepted(conn: &mut Conn) -> Result<(), AppError> {
    let waiting = unstored_parts::scanners(conn).await?;
    let tasks = waiting.iter().map(|of| StoreResults::task(of.scanner_id).continuing(of.traceparent.as_deref()));
    mipo_queue::enqueue_many(conn, tasks.collect()).await?;
    Ok(())
}

/// Ended jobs are concluded, and scans after their last job (steps 7 and 9).
pub async fn conclude_ended(conn: &mut Conn) -> Result<(), AppError> {
    let ended = lapses::unconcluded(conn).await?;
    conclude(conn, &ended).await?;
    let waiting = lapses::unconcluded_scans(conn).await?;
    let tasks = waiting.iter().map(|scan| ConcludeScan::task(scan.id).continuing(scan.traceparent.as_deref()));
    mipo_queue::enqueue_many(conn, tasks.collect()).await?;
    Ok(())
}

/// Jobs whose lease ended unrenewed go back. Answers how many.
pub async fn take_back_leases(conn: &mut Conn) -> Result<usize, AppError> {
    let lapsed = lapses::expire_leases(conn).await?;
    let cancelled: Vec<Ended> = lapsed
        .iter()
        .filter(|job| job.status == "cancelled")
        .map(|job| Ended {
            id: job.id,
            scan_id: job.scan_id,
            scanner_id: job.scanner_id,
            traceparent: job.traceparent.clone(),
        })
        .collect();
    conclude(conn, &cancelled).await?;
    for job in &lapsed {
        touched(conn, job.scan_id).await?;
    }
    Ok(lapsed.len())
}

/// Tells of a task that ended dead and that nothing else tells of.
pub async fn task_failed(conn: &mut Conn, ctx: &Ctx<'_>, task: &DeadTask) -> Result<(), AppError> {
    let event = Event {
        source: "dispatcher",
        kind: "task_failed",
        severity: "high",
        entity_type: "task",
        entity_id: &task.id.to_string(),
        summary: &format!("A task {} is dead: no attempt is left, or none can help; its page says why", task.kind),
        detail: json!({ "kind": task.kind }),
    };
    events::raise(conn, ctx, event).await?;
    Ok(())
}

/// Jobs that are older than allowed end. Answers how many.
pub async fn end_aged(conn: &mut Conn, ctx: &Ctx<'_>, max_age_minutes: u32) -> Result<usize, AppError> {
    let aged = lapses::time_out(conn, i32::try_from(max_age_minutes).unwrap_or(i32::MAX)).await?;
    conclude(conn, &aged).await?;
    for job in &aged {
        touched(conn, job.scan_id).await?;
        let after = json!({ "status": "timed_out", "reason": "expired" });
        audit::record(conn, ctx, Entry::change("ended", "scan-job", job.id).diff(json!(null), after)).await?;
    }
    Ok(aged.len())
}

/// Jobs that ended without their scanner are concluded in the trace of their scan.
pub(crate) async fn conclude(conn: &mut Conn, ended: &[Ended]) -> Result<(), AppError> {
    let tasks =
        ended.iter().map(|job| ConcludeJob::task(job.id, job.scanner_id).continuing(job.traceparent.as_deref()));
    mipo_queue::enqueue_many(conn, tasks.collect()).await?;
    Ok(())
}

/// Pause, resume and cancel reach the jobs that were made or handed back beside them.
pub async fn reach_all_jobs(conn: &mut Conn) -> Result<(), AppError> {
    for id in lapses::idle_of_cancelled(conn).await? {
        if let Some(scan) = locked_as(conn, id, &["cancelling"]).await? {
            cancel_idle_jobs(conn, &scan).await?;
        }
    }
    for id in lapses::unheld_of_paused(conn).await? {
        if locked_as(conn, id, &["paused"]).await?.is_some() {
            scan_jobs::hold_scan(conn, id, OPERATOR).await?;
        }
    }
    for id in lapses::held_of_resumed(conn).await? {
        if locked_as(conn, id, &["pending", "running"]).await?.is_some() {
            scan_jobs::release_scan(conn, id, OPERATOR).await?;
        }
    }
    Ok(())
}

/// The scan, locked now, if it still has one of `statuses`.
async fn locked_as(conn: &mut Conn, id: ScanId, statuses: &[&str]) -> Result<Option<Scan>, AppError> {
    scan_jobs::lock_live(conn, id).await?;
    Ok(scans::lock(conn, id).await?.filter(|scan| statuses.contains(&scan.status.as_str())))
}

/// Scanners that were silent for too long are `offline`, with event and alarm. Answers how many.
pub async fn mark_silent(conn: &mut Conn, ctx: &Ctx<'_>, seconds: u32) -> Result<usize, AppError> {
    let silent = silent_scanners::set_offline(conn, seconds.into()).await?;
    for scanner in &silent {
        let id = scanner.id.to_string();
        let last = scanner.last_heartbeat_at;
        events::raise(
            conn,
            ctx,
            Event {
                source: "dispatcher",
                kind: "scanner_down",
                severity: "high",
                entity_type: "scanner",
                entity_id: &id,
                summary: &format!("Scanner {} has been silent for more than {seconds} s", scanner.name),
                detail: json!({ "lastHeartbeatAt": last }),
            },
        )
        .await?;
        live::emit(conn, live::topics::SCANNERS, &id).await?;
    }
    Ok(silent.len())
}
