//! Starts what is due (product 7.6). Whoever calls it may do so at any time and beside others: a schedule is locked
//! while its run is started, and (schedule, planned time, template) is unique.
use chrono::{DateTime, TimeDelta, Utc};
use mipo_domain::calendar::{Occurrence, Timetable};
use mipo_domain::ids::ScheduleId;
use mipo_store::Conn;
use mipo_store::config::live;
use mipo_store::config::schedules::{self as store, Before, Schedule};
use serde_json::json;

use super::{stored_run, timing};
use crate::events::{self, Event};
use crate::scans::{Request, request};
use crate::{AppError, Ctx};

/// A start that is late by less is on time: a busy machine is not a machine that was down.
const ON_TIME: TimeDelta = TimeDelta::seconds(60);

/// What became of a run that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// So many scans were requested.
    Started(usize),
    /// The run before has not ended, and the schedule says to leave this one out.
    Skipped,
    /// The run before has not ended, and the schedule says to wait for it.
    Waits,
    /// Nobody was there to start it in time.
    Missed,
}

/// Starts at most `limit` schedules whose time has come, the earliest first. Answers what became of each.
pub async fn start_due(conn: &mut Conn, ctx: &Ctx<'_>, limit: i64) -> Result<Vec<(ScheduleId, Ran)>, AppError> {
    let mut done = Vec::new();
    for id in store::lock_due(conn, ctx.now(), limit).await? {
        let Some(schedule) = store::get(conn, id).await? else { continue };
        done.push((id, start(conn, ctx, &schedule).await?));
    }
    Ok(done)
}

async fn start(conn: &mut Conn, ctx: &Ctx<'_>, schedule: &Schedule) -> Result<Ran, AppError> {
    let now = ctx.now();
    let timetable = match timing::timetable(schedule.id, &schedule.timing) {
        Ok(timetable) => timetable,
        Err(error) => return unreadable(conn, ctx, schedule, &error).await,
    };
    let stored = schedule.next_planned_at.zip(schedule.next_start_at);
    let Some(stored) = stored.map(|(planned_at, starts_at)| Occurrence { starts_at, planned_at }) else {
        return Ok(Ran::Waits);
    };
    // Of several that were missed, the newest is caught up.
    let run = timetable.latest_by(now).map_or(stored, |latest| latest.max(stored));
    let before = store::before(conn, schedule.id).await?;
    if before.running > 0 && schedule.overlap_policy == "queue" {
        return Ok(Ran::Waits);
    }
    let ran = if before.running > 0 && schedule.overlap_policy == "skip" {
        overlaps(conn, ctx, schedule, run, before).await?;
        Ran::Skipped
    } else if now - possible_since(schedule, run, before) > grace(schedule) {
        missed(conn, ctx, schedule, run).await?;
        Ran::Missed
    } else {
        Ran::Started(request_scans(conn, ctx, schedule, run).await?)
    };
    let ran_at = matches!(ran, Ran::Started(_)).then_some(now);
    move_on(conn, schedule, &timetable, run.max(Occurrence::by(now)), ran_at).await?;
    Ok(ran)
}

/// Since when the run could have been started: a queued one not before the run ended that it waited for.
fn possible_since(schedule: &Schedule, run: Occurrence, before: Before) -> DateTime<Utc> {
    match before.ended_at {
        Some(ended_at) if schedule.overlap_policy == "queue" => run.starts_at.max(ended_at),
        _ => run.starts_at,
    }
}

fn grace(schedule: &Schedule) -> TimeDelta {
    ON_TIME.max(TimeDelta::minutes(schedule.catch_up_minutes.into()))
}

async fn request_scans(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    schedule: &Schedule,
    run: Occurrence,
) -> Result<usize, AppError> {
    let started_by = format!("schedule {}", schedule.name);
    let mut started = 0;
    for template in store::templates(conn, schedule.id).await? {
        let wanted = Request {
            template_id: template.id,
            template_name: &template.name,
            adhoc: false,
            schedule: Some(schedule.id),
            planned_at: Some(run.planned_at),
            started_by: &started_by,
            reason: "",
            after: json!({ "template": template.name, "schedule": schedule.name, "plannedAt": run.planned_at }),
        };
        started += usize::from(request(conn, ctx, &wanted).await?.is_some());
    }
    Ok(started)
}

async fn move_on(
    conn: &mut Conn,
    schedule: &Schedule,
    timetable: &Timetable,
    last: Occurrence,
    ran_at: Option<DateTime<Utc>>,
) -> Result<(), AppError> {
    let next = timetable.next_after(last).map(stored_run);
    store::move_on(conn, schedule.id, next, ran_at).await?;
    live::emit(conn, live::topics::CONFIG, &schedule.id.to_string()).await?;
    Ok(())
}

/// It would stand before all others for ever: it is told of and has no next run until somebody edits it.
async fn unreadable(conn: &mut Conn, ctx: &Ctx<'_>, schedule: &Schedule, error: &AppError) -> Result<Ran, AppError> {
    tracing::error!(%error, "a schedule cannot be read");
    let summary = format!("Schedule {} cannot be read by this version and does not run; edit its time", schedule.name);
    let now = Occurrence::by(ctx.now());
    tell(conn, ctx, schedule, "schedule_missed", "warning", &summary, Occurrence { planned_at: now.starts_at, ..now })
        .await?;
    store::move_on(conn, schedule.id, None, None).await?;
    Ok(Ran::Missed)
}

async fn overlaps(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    schedule: &Schedule,
    run: Occurrence,
    before: Before,
) -> Result<(), AppError> {
    let summary = format!(
        "Schedule {} left out its run planned for {}: {} of its scans had not ended",
        schedule.name,
        run.planned_at.format("%Y-%m-%d %H:%M UTC"),
        before.running
    );
    tell(conn, ctx, schedule, "schedule_skipped", "info", &summary, run).await
}

async fn missed(conn: &mut Conn, ctx: &Ctx<'_>, schedule: &Schedule, run: Occurrence) -> Result<(), AppError> {
    let summary = format!(
        "Schedule {} missed its run planned for {}: nobody was there to start it, and its {} minutes to catch up are over",
        schedule.name,
        run.planned_at.format("%Y-%m-%d %H:%M UTC"),
        schedule.catch_up_minutes
    );
    tell(conn, ctx, schedule, "schedule_missed", "warning", &summary, run).await
}

async fn tell(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    schedule: &Schedule,
    kind: &str,
    severity: &str,
    summary: &str,
    run: Occurrence,
) -> Result<(), AppError> {
    let event = Event {
        source: "dispatcher",
        kind,
        severity,
        entity_type: "schedule",
        entity_id: &schedule.id.to_string(),
        summary,
        detail: json!({ "schedule": schedule.name, "plannedAt": run.planned_at, "startsAt": run.starts_at }),
    };
    events::raise(conn, ctx, event).await?;
    Ok(())
}
