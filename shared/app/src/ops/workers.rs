//! Drains a worker.
use mipo_domain::rights::Right;
use mipo_queue::actions;
use mipo_store::Conn;
use serde_json::json;

use super::{optional, required, touched};
use crate::audit::{self, Entry};
use crate::{AppError, Ctx};

/// The worker of this number finishes what it has and takes nothing new; with `drain` false it does again.
pub async fn drain(conn: &mut Conn, ctx: &Ctx<'_>, no: i32, drain: bool, reason: &str) -> Result<(), AppError> {
    ctx.require(Right::QueuesExecute)?;
    let reason = if drain { required(reason)? } else { optional(reason)? };
    let (id, draining) = actions::worker(conn, no).await?.ok_or(AppError::NotFound("worker"))?;
    if draining == drain {
        let word = if drain { "draining already" } else { "not draining" };
        return Err(AppError::conflict("WRONG_STATUS", format!("The worker {id} is {word}.")));
    }
    if !actions::drain_worker(conn, no, drain).await? {
        return Err(AppError::NotFound("worker"));
    }
    touched(conn, format!("worker:{no}")).await?;
    let entry = Entry::change(if drain { "drained" } else { "undrained" }, "worker", id)
        .diff(json!({ "draining": draining }), json!({ "draining": drain }))
        .reason(&reason);
    audit::record(conn, ctx, entry).await
}
