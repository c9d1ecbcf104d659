//! One action over all tasks that pass a filter: exact count, dry run, durable start, stop, undo.
use mipo_domain::ids::{BulkOperationId, TaskId};
use mipo_domain::rights::Right;
use mipo_queue::bulk::{self, Action, NewBulk};
use mipo_queue::filter::Filter;
use mipo_queue::views::{self, bulk as operations, tasks};
use mipo_store::Conn;
use serde_json::json;
use uuid::Uuid;

use super::{by, optional, required, touched, views::filter};
use crate::audit::{self, Entry};
use crate::fields::Checks;
use crate::{AppError, Ctx};

/// Milliseconds that an exact count may take.
const COUNT_MS: u32 = 60_000;
/// Tasks that a dry run names.
const SAMPLE: u16 = 10;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// `retry`, `cancel`, `discard`, `reprioritise` or `run_now`.
    pub action: &'a str,
    /// The filter, as it was typed.
    pub filter: &'a str,
    /// Of a reprioritise: 0 to 9.
    pub priority: Option<i64>,
    /// Why; may be empty for a dry run.
    pub reason: &'a str,
    /// The count that the dry run showed; when it is another by now, nothing is started.
    pub expected: Option<i64>,
}

/// What an operation would do.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// Exactly so many tasks pass the filter and are in a state for the action.
    pub count: i64,
    /// Some of them, newest first.
    pub sample: Vec<TaskId>,
    /// The filter as it was understood.
    pub filter: String,
}

struct Wanted {
    action: Action,
    filter: Filter,
}

fn read(request: &Request<'_>) -> Result<Wanted, AppError> {
    let action = request.action.parse::<Action>().map_err(|message| AppError::invalid("action", "unknown", message))?;
    let action = match action {
        Action::UndoDiscard => {
            let message = "A discard is undone by POST /api/ops/bulk/:id/undo of the operation that discarded.";
            return Err(AppError::invalid("action", "unknown", message));
        }
        Action::Reprioritise(_) => {
            let mut checks = Checks::new();
            let Some(priority) = request.priority else {
                return Err(AppError::invalid("priority", "required", "A priority from 0 to 9 is needed."));
            };
            let priority = checks.count("priority", priority, 0, 9);
            checks.done()?;
            Action::Reprioritise(u8::try_from(priority).unwrap_or_default())
        }
        other => other,
    };
    Ok(Wanted { action, filter: filter("filter", request.filter)? })
}

/// Counts and samples, and changes nothing.
pub async fn dry_run(conn: &mut Conn, ctx: &Ctx<'_>, request: &Request<'_>) -> Result<DryRun, AppError> {
    ctx.require(Right::QueuesExecute)?;
    let wanted = read(request)?;
    let narrowed = bulk::narrowed(&wanted.filter, wanted.action);
    views::bound(conn, COUNT_MS).await?;
    let count = tasks::count(conn, &narrowed).await?;
    let ask = tasks::Ask { filter: narrowed, limit: SAMPLE, ..tasks::Ask::default() };
    let page = tasks::page(conn, &ask).await?;
    Ok(DryRun { count, sample: page.items.into_iter().map(|row| row.id).collect(), filter: wanted.filter.to_string() })
}

/// Starts the operation; a task works on it. Answers its id.
pub async fn start(conn: &mut Conn, ctx: &Ctx<'_>, request: &Request<'_>) -> Result<Uuid, AppError> {
    ctx.require(Right::QueuesExecute)?;
    let wanted = read(request)?;
    let reason = required(request.reason)?;
    views::bound(conn, COUNT_MS).await?;
    let total = tasks::count(conn, &bulk::narrowed(&wanted.filter, wanted.action)).await?;
    if let Some(expected) = request.expected.filter(|expected| *expected != total) {
        let detail = format!("It would be {total} tasks by now, not {expected}. Look again, then start.");
        return Err(AppError::conflict("COUNT_CHANGED", detail));
    }
    if total == 0 {
        let message = "No task passes the filter and is in a state for this action.";
        return Err(AppError::invalid("filter", "nothing", message));
    }
    let id = BulkOperationId::mint(ctx.clock, ctx.entropy).as_uuid();
    let new = NewBulk {
        id,
        action: wanted.action,
        filter: &wanted.filter,
        reason: &reason,
        total,
        undoes: None,
        by: by(ctx),
    };
    bulk::start(conn, new).await?;
    record(conn, ctx, id, wanted.action, &wanted.filter.to_string(), total, &reason).await?;
    Ok(id)
}

/// Stops an operation after its batch; what it has done stays.
pub async fn stop(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid, reason: &str) -> Result<(), AppError> {
    ctx.require(Right::QueuesExecute)?;
    let reason = optional(reason)?;
    let before = operations::get(conn, id).await?.ok_or(AppError::NotFound("bulk operation"))?;
    if !bulk::stop(conn, id).await? {
        return Err(AppError::conflict("WRONG_STATUS", format!("The operation is {}.", before.status)));
    }
    touched(conn, format!("bulk:{id}")).await?;
    let entry = Entry::change("stopped", "bulk operation", id)
        .diff(json!({ "status": before.status }), json!({ "status": "stopping", "done": before.done_count }))
        .reason(&reason);
    audit::record(conn, ctx, entry).await
}

/// Brings back what an operation discarded. Answers the id of the operation that does it.
pub async fn undo(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid, reason: &str) -> Result<Uuid, AppError> {
    ctx.require(Right::QueuesExecute)?;
    let reason = required(reason)?;
    let operation = operations::get(conn, id).await?.ok_or(AppError::NotFound("bulk operation"))?;
    if operation.action != Action::Discard.as_str() {
        return Err(AppError::conflict("NOT_A_DISCARD", format!("A {} cannot be undone.", operation.action)));
    }
    if !operation.has_ended() {
        return Err(AppError::conflict("STILL_RUNNING", "The operation still runs; stop it first."));
    }
    if operation.undo_until.is_none_or(|until| until <= operation.created_at.max(ctx.now())) {
        return Err(AppError::conflict("TOO_LATE", "A discard can be undone for 24 h."));
    }
    let total = bulk::discarded(conn, id).await?;
    if total == 0 {
        return Err(AppError::conflict("NOTHING_TO_UNDO", "The operation has discarded nothing."));
    }
    let undo = BulkOperationId::mint(ctx.clock, ctx.entropy).as_uuid();
    let everything = Filter::all();
    let new = NewBulk {
        id: undo,
        action: Action::UndoDiscard,
        filter: &everything,
        reason: &reason,
        total,
        undoes: Some(id),
        by: by(ctx),
    };
    bulk::start(conn, new).await?;
    record(conn, ctx, undo, Action::UndoDiscard, &operation.filter, total, &reason).await?;
    Ok(undo)
}

async fn record(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: Uuid,
    action: Action,
    filter: &str,
    total: i64,
    reason: &str,
) -> Result<(), AppError> {
    touched(conn, format!("bulk:{id}")).await?;
    let after = json!({ "action": action.as_str(), "filter": filter, "count": total });
    let entry = Entry::change("started", "bulk operation", id).diff(json!(null), after).reason(reason);
    audit::record(conn, ctx, entry).await
}
