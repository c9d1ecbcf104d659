//! Pause, resume and limits of a queue.
use mipo_domain::rights::Right;
use mipo_queue::actions::{self, QueueSettings};
use mipo_store::Conn;
use serde_json::{Value, json};

use super::{optional, required, touched};
use crate::audit::{self, Entry};
use crate::fields::Checks;
use crate::{AppError, Ctx};

/// What bounds a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Slots of one process, 1 to 10,000.
    pub concurrency: i64,
    /// Running tasks over all processes, 1 to 100,000; none = no bound.
    pub max_running: Option<i64>,
    /// Starts in `rate_seconds` over all processes, 1 to 1,000,000; none = no limit.
    pub rate_limit: Option<i64>,
    /// The window of the rate limit in seconds, 1 to 3,600.
    pub rate_seconds: i64,
    /// Days that done tasks are kept, 0 to 3,650; none = the product's setting.
    pub keep_done_days: Option<i64>,
    /// Days that dead tasks are kept, 0 to 3,650; none = the product's setting.
    pub keep_dead_days: Option<i64>,
}

/// The limits of a queue, with the version to name in [`set_limits`].
pub async fn limits(conn: &mut Conn, ctx: &Ctx<'_>, name: &str) -> Result<(Limits, i32), AppError> {
    if !ctx.caller.may(Right::QueuesExecute) {
        ctx.require(Right::QueuesView)?;
    }
    let (settings, version) = actions::queue(conn, name).await?.ok_or(AppError::NotFound("queue"))?;
    let limits = Limits {
        concurrency: settings.concurrency.into(),
        max_running: settings.max_running.map(Into::into),
        rate_limit: settings.rate_limit.map(Into::into),
        rate_seconds: settings.rate_seconds.into(),
        keep_done_days: settings.keep_done_days.map(Into::into),
        keep_dead_days: settings.keep_dead_days.map(Into::into),
    };
    Ok((limits, version))
}

/// Nothing of the queue is claimed any more; what runs goes on. Answers the new version.
pub async fn pause(conn: &mut Conn, ctx: &Ctx<'_>, name: &str, reason: &str) -> Result<i32, AppError> {
    ctx.require(Right::QueuesExecute)?;
    let reason = required(reason)?;
    set_paused(conn, ctx, name, true, &reason).await
}

/// A paused queue goes on. Answers the new version.
pub async fn resume(conn: &mut Conn, ctx: &Ctx<'_>, name: &str, reason: &str) -> Result<i32, AppError> {
    ctx.require(Right::QueuesExecute)?;
    let reason = optional(reason)?;
    set_paused(conn, ctx, name, false, &reason).await
}

async fn set_paused(conn: &mut Conn, ctx: &Ctx<'_>, name: &str, paused: bool, reason: &str) -> Result<i32, AppError> {
    let (before, version) = actions::queue(conn, name).await?.ok_or(AppError::NotFound("queue"))?;
    if before.paused == paused {
        let word = if paused { "paused already" } else { "not paused" };
        return Err(AppError::conflict("WRONG_STATUS", format!("The queue {name} is {word}.")));
    }
    let after = QueueSettings { paused, ..before };
    set(conn, ctx, name, version, before, after, if paused { "paused" } else { "resumed" }, reason).await
}

/// Sets the limits of a queue whose `version` the caller has seen. Answers the new version.
pub async fn set_limits(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    name: &str,
    version: i32,
    limits: Limits,
    reason: &str,
) -> Result<i32, AppError> {
    ctx.require(Right::QueuesExecute)?;
    let mut checks = Checks::new();
    let bounded = |checks: &mut Checks, field: &str, value: Option<i64>, min: i64, max: i64| {
        value.map(|value| checks.count(field, value, min, max))
    };
    let after = QueueSettings {
        paused: false,
        concurrency: checks.count("concurrency", limits.concurrency, 1, 10_000),
        max_running: bounded(&mut checks, "maxRunning", limits.max_running, 1, 100_000),
        rate_limit: bounded(&mut checks, "rateLimit", limits.rate_limit, 1, 1_000_000),
        rate_seconds: checks.count("rateSeconds", limits.rate_seconds, 1, 3600),
        keep_done_days: bounded(&mut checks, "keepDoneDays", limits.keep_done_days, 0, 3650),
        keep_dead_days: bounded(&mut checks, "keepDeadDays", limits.keep_dead_days, 0, 3650),
    };
    let reason = checks.text("reason", reason, super::REASON_MAX);
    checks.done()?;
    let (before, _) = actions::queue(conn, name).await?.ok_or(AppError::NotFound("queue"))?;
    let after = QueueSettings { paused: before.paused, ..after };
    set(conn, ctx, name, version, before, after, "updated", &reason).await
}

#[expect(clippy::too_many_arguments, reason = "what was, what is, and why, of one row")]
async fn set(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    name: &str,
    version: i32,
    before: QueueSettings,
    after: QueueSettings,
    action: &str,
    reason: &str,
) -> Result<i32, AppError> {
    let version = actions::set_queue(conn, name, version, after).await?.ok_or(AppError::Stale)?;
    touched(conn, format!("queue:{name}")).await?;
    let entry = Entry::change(action, "queue", name).diff(shown(before), shown(after)).reason(reason);
    audit::record(conn, ctx, entry).await?;
    Ok(version)
}

fn shown(settings: QueueSettings) -> Value {
    json!({
        "paused": settings.paused, "concurrency": settings.concurrency, "maxRunning": settings.max_running,
        "rateLimit": settings.rate_limit, "rateSeconds": settings.rate_seconds, "keepDoneDays": settings.keep_done_days,
        "keepDeadDays": settings.keep_dead_days,
    })
}
