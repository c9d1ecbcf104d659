//! Carries out the repairs that were asked for, each once: what was done stands in the history, in the same transaction.
use chrono::Duration;
use mipo_domain::ids::{JobErrorId, ScannerId};
use mipo_domain::job_errors::Repair;
use mipo_domain::states::ScannerStatus;
use mipo_protocol::signature::SigningKey;
use mipo_store::Conn;
use mipo_store::config::{live, planning as facts, scanners as scanner_rows};
use mipo_store::jobs::job_errors::{self as store, Asked, Locked};
use mipo_store::jobs::{job_repairs, scan_jobs};
use serde_json::json;

use super::{RESOURCE, touched};
use crate::audit::{self, Entry};
use crate::planning::{self, Rules};
use crate::scanners::DRAIN_MINUTES;
use crate::{AppError, Ctx, scans, upkeep};

/// What came of a repair: done, or refused; with a sentence.
type Outcome = Result<String, String>;

/// Carries out what was asked for of the job error. Answers how many repairs.
pub async fn carry_out(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    rules: &Rules,
    key: &SigningKey,
    id: JobErrorId,
) -> Result<usize, AppError> {
    let Some(mut error) = store::lock(conn, id).await? else { return Ok(0) };
    let mut entries = Vec::new();
    for place in 0..error.repairs.len() {
        let asked = error.repairs[place].clone();
        if asked.state != "asked" {
            continue;
        }
        let outcome = if error.resolved_at.is_some() {
            Err("It had cleared by itself before.".to_owned())
        } else {
            repair(conn, ctx, rules, key, &error, &asked).await?
        };
        let done = &mut error.repairs[place];
        done.state = if outcome.is_ok() { "done" } else { "refused" }.to_owned();
        done.done_at = Some(ctx.now());
        done.outcome = Some(outcome.unwrap_or_else(|why| why));
        entries.push(done.clone());
    }
    finish(conn, ctx, &error, &entries).await?;
    Ok(entries.len())
}

/// `PROGRESS_TIMEOUT_AUTO_FAIL`: ends the stuck job without an operator. False when it is not open any more.
pub async fn fail_by_itself(conn: &mut Conn, ctx: &Ctx<'_>, id: JobErrorId) -> Result<bool, AppError> {
    let Some(mut error) = store::lock(conn, id).await?.filter(|error| error.resolved_at.is_none()) else {
        return Ok(false);
    };
    let reason = "PROGRESS_TIMEOUT_AUTO_FAIL is set";
    let Ok(outcome) = fail(conn, &error, reason).await? else { return Ok(false) };
    let done = Asked {
        action: Repair::Fail.as_str().to_owned(),
        scanner_id: None,
        scanner: None,
        reason: reason.to_owned(),
        by: ctx.caller.actor.name().to_owned(),
        at: ctx.now(),
        state: "done".to_owned(),
        done_at: Some(ctx.now()),
        outcome: Some(outcome),
    };
    error.repairs.push(done.clone());
    finish(conn, ctx, &error, &[done]).await?;
    Ok(true)
}

async fn finish(conn: &mut Conn, ctx: &Ctx<'_>, error: &Locked, entries: &[Asked]) -> Result<(), AppError> {
    if entries.is_empty() {
        return Ok(());
    }
    store::set_repairs(conn, error.id, &error.repairs).await?;
    touched(conn, error.id).await?;
    scans::touched(conn, error.scan_id).await?;
    for one in entries {
        let after = json!({
            "action": one.action, "jobId": error.job_id, "scanId": error.scan_id, "scannerId": one.scanner_id, "state": one.state,
            "outcome": one.outcome, "askedBy": one.by,
        });
        let entry = Entry::change("repaired", RESOURCE, error.id).diff(json!(null), after).reason(&one.reason);
        audit::record(conn, ctx, entry).await?;
    }
    Ok(())
}

async fn repair(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    rules: &Rules,
    key: &SigningKey,
    error: &Locked,
    asked: &Asked,
) -> Result<Outcome, AppError> {
    let action = asked.action.parse().map_err(|error| AppError::Internal(format!("{error}")))?;
    match action {
        Repair::Redispatch => hand_out(conn, ctx, rules, key, error, None).await,
        Repair::Reassign => hand_out(conn, ctx, rules, key, error, asked.scanner_id).await,
        Repair::Fail => fail(conn, error, &asked.reason).await,
        Repair::Drain => drain(conn, ctx, error.scanner_id).await,
        Repair::ReleaseBinding => release(conn, error.scanner_id).await,
        // Made when it was asked for.
        Repair::RegenerateToken => Ok(Err("A token is made by whoever asks for it.".to_owned())),
    }
}

/// The job is taken from whoever holds it and signed anew, for the same scanner or for another.
async fn hand_out(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    rules: &Rules,
    key: &SigningKey,
    error: &Locked,
    to: Option<ScannerId>,
) -> Result<Outcome, AppError> {
    let Some(job) = scan_jobs::lock(conn, error.job_id).await? else { return Ok(Err(gone())) };
    if job.status()?.is_terminal() {
        return Ok(Err(format!("The job had ended before, as {}.", job.status)));
    }
    let mut name = None;
    if let Some(to) = to {
        let scanner = facts::scanner_facts(conn, to).await?;
        let Some(scanner) = scanner.filter(|scanner| scanner.status == ScannerStatus::Active.as_str()) else {
            return Ok(Err("The chosen scanner is not active any more; choose another.".to_owned()));
        };
        if job.kind != "sweep" {
            return Ok(Err("A second look is made by the scanner that made the first.".to_owned()));
        }
        name = Some(scanner.name);
    }
    job_repairs::hand_out_anew(conn, job.id, to).await?;
    planning::sign_jobs(conn, ctx, rules, key, &[job.id]).await?;
    let from = format!("from index {} of {}", job.resume_index, job.probes_planned);
    let held = if job.hold_reasons.is_empty() { "" } else { ", when it is no longer held" };
    Ok(Ok(match name {
        Some(name) => format!("Given to {name}, which goes on {from}{held}."),
        None => format!("Waits for its scanner again and goes on {from}{held}."),
    }))
}

fn gone() -> String {
    "The job is not kept any more.".to_owned()
}

/// The job ends with what it has.
async fn fail(conn: &mut Conn, error: &Locked, reason: &str) -> Result<Outcome, AppError> {
    let Some(job) = scan_jobs::lock(conn, error.job_id).await? else { return Ok(Err(gone())) };
    if job.status()?.is_terminal() {
        return Ok(Err(format!("The job had ended before, as {}.", job.status)));
    }
    let message = format!("{}: ended by a repair: {reason}", error.class);
    let (ended, status) = job_repairs::end(conn, job.id, &message.chars().take(2_000).collect::<String>()).await?;
    upkeep::conclude(conn, &[ended]).await?;
    Ok(Ok(format!("The job ended as {status}.")))
}

/// No new jobs for a day.
async fn drain(conn: &mut Conn, ctx: &Ctx<'_>, scanner: ScannerId) -> Result<Outcome, AppError> {
    if !scanner_rows::lock(conn, scanner).await? {
        return Ok(Err("The scanner was deleted.".to_owned()));
    }
    let until = ctx.now() + Duration::minutes(DRAIN_MINUTES);
    scanner_rows::set_draining(conn, scanner, Some(until)).await?;
    live::emit(conn, live::topics::SCANNERS, &scanner.to_string()).await?;
    Ok(Ok("The scanner gets no new jobs for 24 hours.".to_owned()))
}

/// The next good heartbeat binds anew.
async fn release(conn: &mut Conn, scanner: ScannerId) -> Result<Outcome, AppError> {
    if !scanner_rows::lock(conn, scanner).await? {
        return Ok(Err("The scanner was deleted.".to_owned()));
    }
    scanner_rows::release_binding(conn, scanner).await?;
    live::emit(conn, live::topics::SCANNERS, &scanner.to_string()).await?;
    Ok(Ok("The scanner is released; its next good heartbeat binds it.".to_owned()))
}
