//! What operators see of the queues and do to them (product 9.5).
//!
//! [`views`] reads; the rest acts. An action names its right, asks for a reason where it takes something away, and
//! writes one audit row with what was and what is.
pub mod arguments;
pub mod bulk;
pub mod cron;
pub mod failures;
pub mod queues;
pub mod saved_views;
pub mod tasks;
pub mod views;
pub mod workers;

use mipo_store::Conn;
use mipo_store::config::live;

use crate::fields::Checks;
use crate::{AppError, Ctx};

/// Longest reason; the table of bulk operations holds no longer one.
pub const REASON_MAX: usize = 1000;

/// A reason that has to be given.
fn required(reason: &str) -> Result<String, AppError> {
    let mut checks = Checks::new();
    let reason = checks.required("reason", reason, REASON_MAX, "Say why; it goes to the audit log.");
    checks.done()?;
    Ok(reason)
}

/// A reason that may be empty.
fn optional(reason: &str) -> Result<String, AppError> {
    let mut checks = Checks::new();
    let reason = checks.text("reason", reason, REASON_MAX);
    checks.done()?;
    Ok(reason)
}

/// Wakes the pages that show `entity`.
async fn touched(conn: &mut Conn, entity: String) -> Result<(), AppError> {
    live::emit(conn, live::topics::QUEUES, &entity).await?;
    Ok(())
}

/// Who acts, as tasks and operations name it.
fn by<'a>(ctx: &Ctx<'a>) -> &'a str {
    ctx.caller.actor.name()
}
