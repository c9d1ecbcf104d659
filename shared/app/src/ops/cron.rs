//! Run now, pause and resume of a cron entry.
use mipo_domain::ids::TaskId;
use mipo_domain::rights::Right;
use mipo_queue::cron;
use mipo_store::Conn;
use serde_json::json;

use super::{by, optional, required, touched};
use crate::audit::{self, Entry};
use crate::{AppError, Ctx};

/// Enqueues the task of the entry now; one that is still pending stands for both. Answers it.
pub async fn run_now(conn: &mut Conn, ctx: &Ctx<'_>, name: &str, reason: &str) -> Result<TaskId, AppError> {
    ctx.require(Right::QueuesExecute)?;
    let reason = optional(reason)?;
    let id = cron::run_now(conn, name, by(ctx)).await?.ok_or(AppError::NotFound("cron entry"))?;
    touched(conn, format!("cron:{name}")).await?;
    let entry = Entry::change("run", "cron", name).diff(json!(null), json!({ "taskId": id })).reason(&reason);
    audit::record(conn, ctx, entry).await?;
    Ok(id)
}

/// The entry ticks no more.
pub async fn pause(conn: &mut Conn, ctx: &Ctx<'_>, name: &str, reason: &str) -> Result<(), AppError> {
    ctx.require(Right::QueuesExecute)?;
    set_paused(conn, ctx, name, true, required(reason)?).await
}

/// The entry goes on with its next tick; those of the pause are not made up for.
pub async fn resume(conn: &mut Conn, ctx: &Ctx<'_>, name: &str, reason: &str) -> Result<(), AppError> {
    ctx.require(Right::QueuesExecute)?;
    set_paused(conn, ctx, name, false, optional(reason)?).await
}

async fn set_paused(conn: &mut Conn, ctx: &Ctx<'_>, name: &str, paused: bool, reason: String) -> Result<(), AppError> {
    let before = cron::is_paused(conn, name).await?.ok_or(AppError::NotFound("cron entry"))?;
    if before == paused || !cron::pause(conn, name, paused).await? {
        let word = if paused { "paused already" } else { "not paused" };
        return Err(AppError::conflict("WRONG_STATUS", format!("The cron entry {name} is {word}.")));
    }
    touched(conn, format!("cron:{name}")).await?;
    let entry = Entry::change(if paused { "paused" } else { "resumed" }, "cron", name)
        .diff(json!({ "paused": before }), json!({ "paused": paused }))
        .reason(&reason);
    audit::record(conn, ctx, entry).await
}
