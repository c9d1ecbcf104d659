//! Live and ended tasks as one list, in the order of their ids, which is that of their making.
//!
//! A page looks at no more than [`LOOK`] tasks of each table that the indexes cannot narrow further. Where it stops
//! before the end it says so, and its cursor goes on from there, so that no filter makes a page slow.
use chrono::{DateTime, Utc};
use mipo_domain::ids::TaskId;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use super::narrow::{self, FULL_KEYS, LIVE_STATE, RUNNING, Side};
use super::{COUNT_LIMIT, Count};
use crate::QueueError;
use crate::filter::{Filter, Shown, Test};

/// Tasks of one table that a page looks at.
const LOOK: i64 = 20_000;

/// Most rows of a page.
pub const PAGE_MAX: u16 = 200;

/// Which end of the list comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
}

impl Order {
    /// How the next id compares with the one before.
    const fn on(self) -> &'static str {
        match self {
            Self::Newest => " < ",
            Self::Oldest => " > ",
        }
    }

    const fn up_to(self) -> &'static str {
        match self {
            Self::Newest => " >= ",
            Self::Oldest => " <= ",
        }
    }

    const fn sql(self) -> &'static str {
        match self {
            Self::Newest => " order by t.id desc ",
            Self::Oldest => " order by t.id asc ",
        }
    }

    /// The one of two horizons that is nearer.
    fn nearer(self, a: Option<Uuid>, b: Option<Uuid>) -> Option<Uuid> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if self == Self::Newest { a.max(b) } else { a.min(b) }),
            (one, other) => one.or(other),
        }
    }

    fn beyond(self, id: Uuid, horizon: Option<Uuid>) -> bool {
        horizon.is_some_and(|horizon| if self == Self::Newest { id < horizon } else { id > horizon })
    }
}

/// What is asked of the list.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// What passes.
    pub filter: Filter,
    /// Which end comes first.
    pub order: Order,
    /// Where the page before ended.
    pub after: Option<TaskId>,
    /// Rows wanted, 1 to [`PAGE_MAX`].
    pub limit: u16,
}

/// A page.
#[derive(Clone, Debug)]
pub struct TaskPage {
    /// The rows.
    pub items: Vec<TaskRow>,
    /// `after` of the next page; none at the end.
    pub next: Option<TaskId>,
    /// The page is short because it looked no further than to tasks made at this time; the next page goes on there.
    pub looked_until: Option<DateTime<Utc>>,
    /// How many tasks pass the filter; only on the first page.
    pub total: Option<Count>,
}

/// A task in a list.
#[derive(Clone, Debug, FromRow)]
pub struct TaskRow {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: TaskId,
    /// Its queue.
    pub queue: String,
    /// Its kind.
    pub kind: String,
    /// The shown state (product 9.1).
    pub state: String,
    /// 0 to 9, higher first.
    pub priority: i16,
    /// Attempts so far, the running one too.
    pub attempts: i32,
    /// Attempts at most.
    pub max_attempts: i32,
    /// When it is or was due.
    pub run_at: DateTime<Utc>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When its last attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The beginning of the last error.
    pub error: Option<String>,
    /// The failure group of the last error.
    pub fingerprint: Option<String>,
    /// The worker of the last attempt, by its id.
    pub worker: Option<String>,
    /// Somebody asked for its cancellation, and its worker has not obeyed yet.
    pub cancel_requested: bool,
    /// Seconds since it was due or has ended; negative until it is due.
    pub age_seconds: f64,
    /// Milliseconds from due to the beginning of the last attempt.
    pub wait_ms: Option<f64>,
    /// Milliseconds of the last attempt so far.
    pub run_ms: Option<f64>,
}

/// How a side is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Nothing there can pass.
    Nowhere,
    /// By an index that leads to the few that can pass.
    Running,
    /// The same, of those that are due later.
    Later,
    /// In the order of ids, up to the horizon.
    Along(Option<Uuid>),
}

/// A page of the tasks.
pub async fn page(conn: &mut PgConnection, ask: &Ask) -> Result<TaskPage, QueueError> {
    let limit = usize::from(ask.limit.clamp(1, PAGE_MAX));
    let (mut rows, mut horizon, mut ways) = (Vec::new(), None, Vec::new());
    for side in [Side::Live, Side::Ended] {
        let way = way(conn, ask, side).await?;
        if let Way::Along(found) = way {
            horizon = ask.order.nearer(horizon, found);
        }
        if way != Way::Nowhere {
            rows.extend(side_rows(conn, ask, side, way, limit + 1).await?);
        }
        ways.push((side, way));
    }
    rows.retain(|row: &TaskRow| !ask.order.beyond(row.id.as_uuid(), horizon));
    rows.sort_by_key(|row| row.id);
    if ask.order == Order::Newest {
        rows.reverse();
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(|row| row.id) } else { horizon.map(TaskId::from) };
    let total = if ask.after.is_none() { Some(total(conn, ask, &ways, rows.len()).await?) } else { None };
    let looked_until = horizon.filter(|_| !more).and_then(made_at);
    Ok(TaskPage { items: rows, next, looked_until, total })
}

async fn way(conn: &mut PgConnection, ask: &Ask, side: Side) -> Result<Way, QueueError> {
    let states = narrow::of_side(&ask.filter.states(), side);
    if states.is_empty() {
        return Ok(Way::Nowhere);
    }
    if side == Side::Live {
        if states == [Shown::Running] {
            return Ok(Way::Running);
        }
        let later = [Shown::Scheduled, Shown::Retrying, Shown::Snoozed];
        if states.iter().all(|state| later.contains(state)) && few_later(conn).await? {
            return Ok(Way::Later);
        }
        return Ok(Way::Along(nth(conn, ask, side, None).await?));
    }
    if states.contains(&Shown::Done) {
        return Ok(Way::Along(nth(conn, ask, side, None).await?));
    }
    // One state is a range of its index, in the order of ids: nothing is passed over.
    if states.len() == 1 && ask.filter.terms.iter().all(|term| matches!(term.test, Test::Status(_))) {
        return Ok(Way::Along(None));
    }
    let mut horizon = None;
    for state in states {
        horizon = ask.order.nearer(horizon, nth(conn, ask, side, Some(state)).await?);
    }
    Ok(Way::Along(horizon))
}

async fn few_later(conn: &mut PgConnection) -> Result<bool, QueueError> {
    let seen = sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select from jobs.queues q cross join lateral (
               select from jobs.tasks t where t.queue = q.name and t.run_at > t.created_at and t.run_at > now() limit $1
             ) l limit $1
           ) n"#,
        LOOK + 1
    )
    .fetch_one(conn)
    .await?;
    Ok(seen <= LOOK)
}

/// The id at which looking ends: the [`LOOK`]th from where the page begins; none when there are fewer.
async fn nth(
    conn: &mut PgConnection,
    ask: &Ask,
    side: Side,
    status: Option<Shown>,
) -> Result<Option<Uuid>, QueueError> {
    let table = if side == Side::Live { "jobs.tasks" } else { "jobs.task_history" };
    let mut query = QueryBuilder::<Postgres>::new(format!("select t.id from {table} t where true"));
    if let Some(status) = status {
        // In the text, so that the plan sees that the partial index holds it.
        query.push(format!(" and t.status = '{status}'"));
    }
    narrow::push_ids(&mut query, &ask.filter);
    push_after(&mut query, ask);
    query.push(ask.order.sql()).push(" limit 1 offset ");
    // Rows of a rare state lie apart, each in a block of its own.
    query.push_bind(if status.is_some() { LOOK / 2 } else { LOOK });
    Ok(query.build_query_scalar().fetch_optional(conn).await?)
}

fn push_after(query: &mut QueryBuilder<Postgres>, ask: &Ask) {
    if let Some(after) = ask.after {
        query.push(" and t.id").push(ask.order.on()).push_bind(after.as_uuid());
    }
}

/// `from … where …` of a side; `after` is left out for counts.
fn push_source(query: &mut QueryBuilder<Postgres>, ask: &Ask, side: Side, way: Way) {
    query.push(if side == Side::Live {
        " from jobs.tasks t where true"
    } else {
        " from jobs.task_history t where true"
    });
    match way {
        Way::Running => {
            // As an array: the ids are few, and the plan must not take them for many.
            query.push(" and t.id = any(array(").push(RUNNING).push("))");
        }
        Way::Later => {
            query.push(" and t.run_at > t.created_at and t.run_at > now()");
        }
        Way::Along(Some(horizon)) => {
            query.push(" and t.id").push(ask.order.up_to()).push_bind(horizon);
        }
        Way::Along(None) | Way::Nowhere => {}
    }
    if side == Side::Ended {
        // In the text, so that the plan sees what the partial index holds.
        match narrow::of_side(&ask.filter.states(), side)[..] {
            [state] => query.push(format!(" and t.status = '{state}'")),
            ref states if !states.contains(&Shown::Done) => query.push(" and t.status <> 'done'"),
            _ => query,
        };
    }
    narrow::push(query, &ask.filter, side);
}

async fn side_rows(
    conn: &mut PgConnection,
    ask: &Ask,
    side: Side,
    way: Way,
    limit: usize,
) -> Result<Vec<TaskRow>, QueueError> {
    let mut query = QueryBuilder::<Postgres>::new(FULL_KEYS);
    let (state, finished, cancel) = match side {
        Side::Live => (LIVE_STATE, "null::timestamptz", "t.cancel_requested"),
        Side::Ended => ("t.status", "t.finished_at", "false"),
    };
    query.push(format!(
        "select t.id, t.queue, t.kind, t.state, t.priority, t.attempts, t.max_attempts, t.run_at, t.created_at, t.started_at, t.finished_at,
           left(t.last_error, 500) as error, t.fingerprint, w.id as worker, t.cancel_requested,
           extract(epoch from now() - coalesce(t.finished_at, greatest(t.run_at, t.created_at)))::double precision as age_seconds,
           case when t.started_at >= t.run_at then extract(epoch from t.started_at - greatest(t.run_at, t.created_at))::double precision * 1000 end as wait_ms,
           case when t.state = 'running' or t.finished_at is not null
             then extract(epoch from coalesce(t.finished_at, now()) - t.started_at)::double precision * 1000 end as run_ms
         from (select t.id, t.queue, t.kind, {state} as state, t.priority, t.attempts, t.max_attempts, t.run_at, t.created_at, t.started_at,
           {finished} as finished_at, t.last_error, t.fingerprint, t.locked_by, {cancel} as cancel_requested"
    ));
    push_source(&mut query, ask, side, way);
    push_after(&mut query, ask);
    query.push(ask.order.sql()).push(" limit ").push_bind(limit as i64);
    query.push(") t left join jobs.workers w on w.no = t.locked_by");
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Counted where that is quick; else what the samples of the minute or the planner say.
async fn total(conn: &mut PgConnection, ask: &Ask, ways: &[(Side, Way)], shown: usize) -> Result<Count, QueueError> {
    let (mut sum, mut about) = (0, false);
    for (side, way) in ways {
        sum += match way {
            Way::Nowhere => 0,
            // An index holds all that these filters look at.
            Way::Along(Some(_)) if *side == Side::Ended && is_indexed(&ask.filter) => {
                counted(conn, ask, *side, Way::Along(None)).await?
            }
            Way::Along(Some(_)) => {
                about = true;
                let sampled = if *side == Side::Live { sampled(conn, &ask.filter).await? } else { None };
                match sampled {
                    Some(count) => count,
                    None => estimate(conn, ask, *side).await?,
                }
            }
            way => counted(conn, ask, *side, *way).await?,
        };
    }
    let value = sum.max(shown as i64);
    Ok(if about { Count::about(value) } else { Count::capped(value) })
}

/// True when so few live tasks are looked at that each can be.
pub(super) async fn few_live(conn: &mut PgConnection, ask: &Ask) -> Result<bool, QueueError> {
    Ok(nth(conn, ask, Side::Live, None).await?.is_none())
}

/// How many ended tasks pass a filter on one ended state; none when that is known of no index and of no estimate.
pub(super) async fn ended_total(conn: &mut PgConnection, ask: &Ask) -> Result<Option<Count>, QueueError> {
    let way = way(conn, ask, Side::Ended).await?;
    let only_names = |filter: &Filter| {
        filter.terms.iter().all(|term| matches!(term.test, Test::Status(_) | Test::Queue(_) | Test::Kind(_)))
    };
    if matches!(way, Way::Along(Some(_))) && !is_indexed(&ask.filter) && !only_names(&ask.filter) {
        return Ok(None);
    }
    Ok(Some(total(conn, ask, &[(Side::Ended, way)], 0).await?))
}

/// At most one beyond the limit.
async fn counted(conn: &mut PgConnection, ask: &Ask, side: Side, way: Way) -> Result<i64, QueueError> {
    let mut query = QueryBuilder::<Postgres>::new(FULL_KEYS);
    query.push("select count(*) from (select");
    push_source(&mut query, ask, side, way);
    query.push(" limit ").push_bind(COUNT_LIMIT + 1).push(") n");
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}

/// Of what did not end well, by columns of its index alone.
fn is_indexed(filter: &Filter) -> bool {
    !filter.states().contains(&Shown::Done)
        && filter.terms.iter().all(|term| {
            matches!(term.test, Test::Status(_) | Test::Queue(_) | Test::Kind(_) | Test::Fingerprint(_) | Test::Id(_))
        })
}

/// What the last sample saw, of a filter that asks for nothing else than it tells apart.
pub(super) async fn sampled(conn: &mut PgConnection, filter: &Filter) -> Result<Option<i64>, QueueError> {
    let (mut queues, mut kinds) = (None, None);
    for term in &filter.terms {
        match &term.test {
            Test::Status(_) => {}
            Test::Queue(names) if !term.not && queues.is_none() => queues = Some(names.clone()),
            Test::Kind(names) if !term.not && kinds.is_none() => kinds = Some(names.clone()),
            _ => return Ok(None),
        }
    }
    let states = filter.states();
    let has = |state| states.contains(&state);
    let count = sqlx::query_scalar!(
        r#"select sum(case when $3 then s.scheduled_count else 0 end + case when $4 then s.retrying_count else 0 end
             + case when $5 then s.snoozed_count else 0 end + case when $6 then s.waiting_count else 0 end
             + case when $7 then s.ready_count else 0 end + case when $8 then s.running_count else 0 end)
           from jobs.queue_samples s
           where s.at = (select max(at) from jobs.queue_samples where at > now() - interval '10 minutes')
             and ($1::text[] is null or s.queue = any ($1)) and ($2::text[] is null or s.kind = any ($2))"#,
        queues.as_deref(),
        kinds.as_deref(),
        has(Shown::Scheduled),
        has(Shown::Retrying),
        has(Shown::Snoozed),
        has(Shown::Waiting),
        has(Shown::Ready),
        has(Shown::Running)
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}

async fn estimate(conn: &mut PgConnection, ask: &Ask, side: Side) -> Result<i64, QueueError> {
    let mut query = QueryBuilder::<Postgres>::new("explain (format json) ");
    query.push(FULL_KEYS).push("select");
    push_source(&mut query, ask, side, Way::Along(None));
    let plan: serde_json::Value = query.build().fetch_one(conn).await?.try_get(0)?;
    let rows = plan.pointer("/0/Plan/Plan Rows").and_then(serde_json::Value::as_f64).unwrap_or_default();
    Ok(rows as i64)
}

/// When an id was minted: its first 48 bits are milliseconds.
fn made_at(id: Uuid) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis((id.as_u128() >> 80) as i64)
}

/// How many tasks pass `filter`, counted to the end. Slow on large tables: for bulk operations, not for pages.
pub async fn count(conn: &mut PgConnection, filter: &Filter) -> Result<i64, QueueError> {
    let mut sum = 0;
    for side in sides(filter) {
        let mut query = QueryBuilder::<Postgres>::new(FULL_KEYS);
        query.push("select count(*)");
        push_source(&mut query, &Ask { filter: filter.clone(), ..Ask::default() }, side, Way::Along(None));
        sum += query.build_query_scalar::<i64>().fetch_one(&mut *conn).await?;
    }
    Ok(sum)
}

/// The first `limit` tasks that pass `filter`, by id from `after` on, made at or before `until`, with their kinds.
pub async fn ids(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<TaskId>,
    until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(TaskId, String)>, QueueError> {
    let ask = Ask { filter: filter.clone(), order: Order::Oldest, after, limit: 1 };
    let mut found: Vec<(Uuid, String)> = Vec::new();
    for side in sides(filter) {
        let mut query = QueryBuilder::<Postgres>::new(FULL_KEYS);
        query.push("select t.id, t.kind");
        push_source(&mut query, &ask, side, Way::Along(None));
        push_after(&mut query, &ask);
        query.push(" and t.created_at <= ").push_bind(until);
        query.push(ask.order.sql()).push(" limit ").push_bind(limit);
        found.extend(query.build_query_as::<(Uuid, String)>().fetch_all(&mut *conn).await?);
    }
    found.sort_by_key(|(id, _)| *id);
    found.truncate(usize::try_from(limit).unwrap_or_default());
    Ok(found.into_iter().map(|(id, kind)| (TaskId::from(id), kind)).collect())
}

fn sides(filter: &Filter) -> Vec<Side> {
    let states = filter.states();
    [Side::Live, Side::Ended].into_iter().filter(|side| !narrow::of_side(&states, *side).is_empty()).collect()
}
