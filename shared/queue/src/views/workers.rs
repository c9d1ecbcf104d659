//! Processes that work on the queues, and what each does now.
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mipo_domain::ids::TaskId;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use uuid::Uuid;

use super::narrow::RUNNING;
use crate::QueueError;

/// Most workers that are shown.
const WORKERS_MAX: i64 = 500;

/// Seconds without a sign after which a worker that did not say goodbye is lost: its lease and the look of a checker.
const LOST_SECONDS: f64 = 30.0;

/// How a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// It works.
    Live,
    /// It finishes what it has and takes nothing new.
    Draining,
    /// It did not say goodbye, and nothing is heard of it.
    Lost,
    /// It ended well.
    Stopped,
}

impl WorkerState {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Draining => "draining",
            Self::Lost => "lost",
            Self::Stopped => "stopped",
        }
    }
}

/// A process, one start of it.
#[derive(Clone, Debug)]
pub struct Worker {
    /// The number by which tasks name it.
    pub no: i32,
    /// Its name and the ULID of its start.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The service: dispatcher, manager or backup.
    pub service: String,
    /// Its host.
    pub host: String,
    /// Its process id there.
    pub pid: i32,
    /// Its version.
    pub version: String,
    /// The queues that it works on.
    pub queues: Vec<String>,
    /// How many tasks it can run at once.
    pub slots: i32,
    /// How it is.
    pub state: WorkerState,
    /// Answers that were refused because its lease was gone.
    pub stale_count: i64,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it was heard last.
    pub last_seen_at: DateTime<Utc>,
    /// When somebody asked it to drain.
    pub drain_requested_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub stopped_at: Option<DateTime<Utc>>,
    /// What it runs, longest first.
    pub running: Vec<RunningTask>,
}

/// A task that runs.
#[derive(Clone, Debug, FromRow)]
pub struct RunningTask {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: TaskId,
    /// Its queue.
    pub queue: String,
    /// Its kind.
    pub kind: String,
    /// Which attempt.
    pub attempt: i32,
    /// When the attempt began.
    pub started_at: DateTime<Utc>,
    /// Somebody asked for its cancellation.
    pub cancel_requested: bool,
    /// The number of its worker.
    pub worker: i32,
}

/// Those that live, and those that were heard within the last day; the live ones first.
pub async fn workers(conn: &mut PgConnection) -> Result<Vec<Worker>, QueueError> {
    let rows = sqlx::query!(
        r#"select w.no, w.id, w.name, w.service, w.host, w.pid, w.version, w.queues, w.slots, w.stale_count, w.started_at, w.last_seen_at,
             w.drain_requested_at, w.stopped_at, (w.last_seen_at < now() - make_interval(secs => $1)) as "silent!"
           from jobs.workers w where w.last_seen_at > now() - interval '1 day'
           order by w.stopped_at is not null, w.last_seen_at < now() - make_interval(secs => $1), w.name, w.started_at desc limit $2"#,
        LOST_SECONDS,
        WORKERS_MAX
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut running: BTreeMap<i32, Vec<RunningTask>> = BTreeMap::new();
    for task in running_tasks(conn).await? {
        running.entry(task.worker).or_default().push(task);
    }
    let workers = rows.into_iter().map(|row| Worker {
        state: match (row.stopped_at, row.silent, row.drain_requested_at) {
            (Some(_), _, _) => WorkerState::Stopped,
            (None, true, _) => WorkerState::Lost,
            (None, false, Some(_)) => WorkerState::Draining,
            (None, false, None) => WorkerState::Live,
        },
        running: running.remove(&row.no).unwrap_or_default(),
        no: row.no,
        id: row.id,
        name: row.name,
        service: row.service,
        host: row.host,
        pid: row.pid,
        version: row.version,
        queues: row.queues,
        slots: row.slots,
        stale_count: row.stale_count,
        started_at: row.started_at,
        last_seen_at: row.last_seen_at,
        drain_requested_at: row.drain_requested_at,
        stopped_at: row.stopped_at,
    });
    Ok(workers.collect())
}

/// What runs, longest first.
async fn running_tasks(conn: &mut PgConnection) -> Result<Vec<RunningTask>, QueueError> {
    let statement = format!(
        "select t.id, t.queue, t.kind, t.attempts as attempt, t.started_at, t.cancel_requested, t.locked_by as worker
         from jobs.tasks t where t.id = any(array({RUNNING})) and t.status = 'running' order by t.started_at"
    );
    Ok(sqlx::query_as(AssertSqlSafe(statement)).fetch_all(conn).await?)
}
