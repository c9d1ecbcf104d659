//! Reads of the queue pages, each with its right. Give them a read-only transaction: they are bounded in time.
use mipo_domain::ids::TaskId;
use mipo_domain::rights::Right;
use mipo_queue::{kinds, views};
use mipo_store::Conn;
use uuid::Uuid;

pub use mipo_queue::filter::{BadFilter, BadToken, Filter, Shown, Term, Test};
pub use mipo_queue::views::{
    COUNT_LIMIT, Count, Times, bulk, cron, database, failures, overview, queue, sample, states, task, tasks, waiting,
    workers,
};

use crate::{AppError, Ctx, FieldError};

/// Milliseconds that a statement of a page may take.
const BOUND_MS: u32 = 5000;

async fn admit(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<(), AppError> {
    // Who may act sees what became of it.
    if !ctx.caller.may(Right::QueuesExecute) {
        ctx.require(Right::QueuesView)?;
    }
    views::bound(conn, BOUND_MS).await?;
    Ok(())
}

/// The names of the queues.
pub fn queue_names() -> impl Iterator<Item = &'static str> {
    kinds::QUEUES.iter().map(|queue| queue.name)
}

/// The names of the kinds.
pub fn kind_names() -> impl Iterator<Item = &'static str> {
    kinds::ALL.iter().map(|kind| kind.name)
}

/// Reads a filter; each token that cannot be read is a refusal of `field` with its place.
pub fn filter(field: &str, text: &str) -> Result<Filter, AppError> {
    text.parse().map_err(|BadFilter(bad)| {
        let error = |(n, token): (usize, BadToken)| {
            FieldError::new(format!("{field}[{n}]"), token.code, crate::fields::sentence(&token.to_string()))
        };
        AppError::Invalid(bad.into_iter().enumerate().map(error).collect())
    })
}

/// A line a queue.
pub async fn overview(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<overview::Overview, AppError> {
    admit(conn, ctx).await?;
    Ok(overview::overview(conn).await?)
}

/// One queue with its charts.
pub async fn queue(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    name: &str,
    range: queue::Range,
) -> Result<queue::QueueDetail, AppError> {
    admit(conn, ctx).await?;
    queue::detail(conn, name, range).await?.ok_or(AppError::NotFound("queue"))
}

/// A page of the tasks.
pub async fn tasks(conn: &mut Conn, ctx: &Ctx<'_>, ask: &tasks::Ask) -> Result<tasks::TaskPage, AppError> {
    admit(conn, ctx).await?;
    Ok(tasks::page(conn, ask).await?)
}

/// How many tasks stand in each state, of those that pass the other terms of `filter`.
pub async fn by_state(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    filter: &Filter,
) -> Result<Vec<(Shown, Option<Count>)>, AppError> {
    admit(conn, ctx).await?;
    Ok(states::by_state(conn, filter).await?)
}

/// Tasks that wait for those of `group`, and how many they are.
pub async fn waiting_for(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    group: &str,
) -> Result<(Vec<states::Relative>, Count), AppError> {
    admit(conn, ctx).await?;
    Ok(states::waiting_for(conn, group).await?)
}

/// A task, and why it waits, if it does.
pub async fn task(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: TaskId,
) -> Result<(task::TaskDetail, Option<Vec<waiting::Why>>), AppError> {
    admit(conn, ctx).await?;
    let detail = task::detail(conn, id).await?.ok_or(AppError::NotFound("task"))?;
    let why = waiting::why(conn, id).await?;
    Ok((detail, why))
}

/// Groups of failures.
pub async fn failures(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<failures::FailureGroup>, AppError> {
    admit(conn, ctx).await?;
    Ok(failures::failures(conn).await?)
}

/// Workers with what they run.
pub async fn workers(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<workers::Worker>, AppError> {
    admit(conn, ctx).await?;
    Ok(workers::workers(conn).await?)
}

/// Cron entries.
pub async fn cron(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<cron::CronLine>, AppError> {
    admit(conn, ctx).await?;
    Ok(cron::entries(conn).await?)
}

/// Tables, and what is in the way of the vacuum.
pub async fn database(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<database::Database, AppError> {
    admit(conn, ctx).await?;
    Ok(database::database(conn).await?)
}

/// A bulk operation.
pub async fn bulk(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<bulk::BulkOperation, AppError> {
    admit(conn, ctx).await?;
    bulk::get(conn, id).await?.ok_or(AppError::NotFound("bulk operation"))
}

/// The newest bulk operations.
pub async fn bulks(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<bulk::BulkOperation>, AppError> {
    admit(conn, ctx).await?;
    Ok(bulk::list(conn).await?)
}
