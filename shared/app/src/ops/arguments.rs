//! Shows the arguments of a task in clear, and writes down who looked.
use mipo_domain::ids::TaskId;
use mipo_domain::rights::Right;
use mipo_domain::sealing::Sealer;
use mipo_queue::views::task;
use mipo_store::Conn;
use serde_json::Value;

use crate::audit::{self, Entry};
use crate::{AppError, Ctx};

/// The arguments of the task; opened where they are sealed. The audit row is written with the look: no row, no look.
pub async fn reveal(conn: &mut Conn, ctx: &Ctx<'_>, sealer: &Sealer, id: TaskId) -> Result<Value, AppError> {
    ctx.require(Right::TaskArgsView)?;
    let arguments = task::arguments(conn, id, sealer).await?.ok_or(AppError::NotFound("task"))?;
    let arguments = arguments.map_err(|reason| {
        tracing::warn!(task.id = %id, reason, "the arguments of a task cannot be opened");
        AppError::conflict("CANNOT_OPEN", "The arguments were sealed with a key that this service does not have.")
    })?;
    audit::record(conn, ctx, Entry { kind: "view", ..Entry::change("viewed", "task arguments", id) }).await?;
    Ok(arguments)
}
