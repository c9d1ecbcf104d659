//! Retry, cancel, discard, undo, run now and priority of one task.
use mipo_domain::ids::TaskId;
use mipo_domain::rights::Right;
use mipo_queue::actions::{self, Cancelled, Standing};
use mipo_queue::kinds;
use mipo_store::Conn;
use serde_json::{Value, json};

use super::{optional, required, touched};
use crate::audit::{self, Entry};
use crate::fields::Checks;
use crate::{AppError, Ctx};

/// A dead or cancelled task gets its kind's attempts once more.
pub async fn retry(conn: &mut Conn, ctx: &Ctx<'_>, id: TaskId, reason: &str) -> Result<(), AppError> {
    let (before, reason) = admit(conn, ctx, id, optional(reason)).await?;
    let Some(kind) = kinds::by_name(&before.kind) else {
        let detail = format!("No part of this version works on {}; it cannot be retried here.", before.kind);
        return Err(AppError::conflict("UNKNOWN_KIND", detail));
    };
    if !actions::retry(conn, id, kind).await? {
        return Err(refused(&before, "can be retried once it is dead or cancelled"));
    }
    record(conn, ctx, id, "retried", before, &reason).await
}

/// A pending task ends at once; the worker of a running one is asked to stop. False: it still runs.
pub async fn cancel(conn: &mut Conn, ctx: &Ctx<'_>, id: TaskId, reason: &str) -> Result<bool, AppError> {
    let (before, reason) = admit(conn, ctx, id, required(reason)).await?;
    not_bulk(&before)?;
    let cancelled = actions::cancel(conn, id).await?;
    if cancelled == Cancelled::Gone {
        return Err(refused(&before, "has ended and cannot be cancelled"));
    }
    record(conn, ctx, id, "cancelled", before, &reason).await?;
    Ok(cancelled == Cancelled::AtOnce)
}

/// Sets a pending, dead or cancelled task aside; it can be undone for 24 h.
pub async fn discard(conn: &mut Conn, ctx: &Ctx<'_>, id: TaskId, reason: &str) -> Result<(), AppError> {
    let (before, reason) = admit(conn, ctx, id, required(reason)).await?;
    not_bulk(&before)?;
    if actions::discard(conn, id).await?.is_none() {
        return Err(refused(&before, "can be discarded while it is pending, dead or cancelled"));
    }
    record(conn, ctx, id, "discarded", before, &reason).await
}

/// Takes a discard back.
pub async fn undo(conn: &mut Conn, ctx: &Ctx<'_>, id: TaskId, reason: &str) -> Result<(), AppError> {
    let (before, reason) = admit(conn, ctx, id, optional(reason)).await?;
    if actions::undo_discard(conn, id).await?.is_none() {
        return Err(refused(&before, "can be brought back for 24 h after it was discarded"));
    }
    record(conn, ctx, id, "undone", before, &reason).await
}

/// A task that waits for its time runs now.
pub async fn run_now(conn: &mut Conn, ctx: &Ctx<'_>, id: TaskId, reason: &str) -> Result<(), AppError> {
    let (before, reason) = admit(conn, ctx, id, optional(reason)).await?;
    if !actions::run_now(conn, id).await? {
        return Err(refused(&before, "can be run now while it waits for its time"));
    }
    record(conn, ctx, id, "run-now", before, &reason).await
}

/// Another priority for a pending task, 0 to 9, higher first.
pub async fn set_priority(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: TaskId,
    priority: i64,
    reason: &str,
) -> Result<(), AppError> {
    ctx.require(Right::QueuesExecute)?;
    let mut checks = Checks::new();
    let priority = checks.count("priority", priority, 0, 9);
    checks.done()?;
    let (before, reason) = admit(conn, ctx, id, optional(reason)).await?;
    if !actions::set_priority(conn, id, u8::try_from(priority).unwrap_or_default()).await? {
        return Err(refused(&before, "can be reprioritised while it is pending"));
    }
    record(conn, ctx, id, "reprioritised", before, &reason).await
}

async fn admit(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: TaskId,
    reason: Result<String, AppError>,
) -> Result<(Standing, String), AppError> {
    ctx.require(Right::QueuesExecute)?;
    let reason = reason?;
    let standing = actions::standing(conn, id).await?.ok_or(AppError::NotFound("task"))?;
    Ok((standing, reason))
}

/// A bulk operation whose task is gone would never end.
fn not_bulk(task: &Standing) -> Result<(), AppError> {
    if task.kind == kinds::BULK_OPERATION.name {
        let detail = "This task works on a bulk operation; stop the operation instead.";
        return Err(AppError::conflict("STOP_THE_OPERATION", detail));
    }
    Ok(())
}

fn refused(task: &Standing, what: &str) -> AppError {
    AppError::conflict("WRONG_STATUS", format!("The task is {}; a task {what}.", task.state))
}

async fn record(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: TaskId,
    action: &str,
    before: Standing,
    reason: &str,
) -> Result<(), AppError> {
    touched(conn, format!("task:{id}")).await?;
    let after = actions::standing(conn, id).await?;
    let entry = Entry::change(action, "task", id)
        .diff(shown(&before), after.as_ref().map_or(Value::Null, shown))
        .reason(reason);
    audit::record(conn, ctx, entry).await
}

fn shown(task: &Standing) -> Value {
    json!({ "kind": task.kind, "queue": task.queue, "status": task.state, "priority": task.priority })
}
