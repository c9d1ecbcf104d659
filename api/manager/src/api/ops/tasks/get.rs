//! `GET /api/ops/tasks/:id`
use axum::extract::State;
use chrono::{DateTime, Utc};
use mipo_app::ops::views::task::{Span, TaskDetail};
use mipo_app::ops::views::waiting::Why;
use mipo_domain::ids::TaskId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::now;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A task.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Task)]
pub struct TaskAnswer {
    id: Uuid,
    queue: String,
    kind: String,
    /// One of the ten shown states.
    status: String,
    priority: i16,
    attempts: i32,
    max_attempts: i32,
    run_at: DateTime<Utc>,
    unique_key: Option<String>,
    concurrency_key: Option<String>,
    concurrency_limit: Option<i16>,
    group: Option<String>,
    waits_for: Option<String>,
    traceparent: Option<String>,
    created_by: String,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    error: Option<String>,
    fingerprint: Option<String>,
    log: Option<String>,
    discarded_from: Option<String>,
    discarded_at: Option<DateTime<Utc>>,
    cancel_requested: bool,
    /// The arguments are sealed at rest.
    sealed: bool,
    /// Masked; `GET …/args?reveal=true` shows them.
    #[schema(value_type = Option<Object>)]
    arguments: Option<Value>,
    /// From its making to its end, without gaps.
    spans: Vec<TaskSpan>,
    /// Why it does not run; `null` unless it is pending.
    why: Option<Vec<TaskWhy>>,
}

/// A piece of a task's life.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskSpan {
    /// `scheduled`, `waiting`, `running`, `rescued` or `back-off`.
    what: &'static str,
    from: DateTime<Utc>,
    /// `null` while it goes on.
    to: Option<DateTime<Utc>>,
    attempt: Option<i32>,
    /// `running`, `done`, `failed`, `rescued`, `dead`, `cancelled` or `put back`.
    outcome: Option<String>,
    worker: Option<String>,
    host: Option<String>,
    version: Option<String>,
    error: Option<String>,
    log: Option<String>,
}

/// Why a task waits; the fields depend on the reason.
#[derive(Serialize, ToSchema)]
#[serde(tag = "reason", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TaskWhy {
    /// Its queue is paused.
    Paused,
    /// It is not due yet.
    NotDue { run_at: DateTime<Utc>, status: &'static str },
    /// Tasks of its group have not ended.
    Group { group: String, left: i64, about: bool, tasks: Vec<Uuid> },
    /// As many tasks of its key run as may.
    KeyLimit { key: String, limit: i64, holders: Vec<TaskHolder> },
    /// As many tasks of its queue run as may.
    QueueBound { max_running: i64, running: i64 },
    /// As many tasks of its queue began as may in this time.
    RateLimit { limit: i64, seconds: i64, free_at: Option<DateTime<Utc>> },
    /// No live process works on its queue.
    NoWorker { lost: i64 },
    /// Every process that works on its queue is draining.
    Draining { workers: i64 },
    /// No part of this version works on its kind.
    UnknownKind,
    /// Every slot is taken.
    NoFreeSlot { slots: i64, busy: i64 },
    /// A statement has run for long.
    DatabaseSlow { seconds: f64, statement: String },
    /// Nothing holds it.
    InLine { ahead: i64, about: bool },
}

/// A task that holds a slot of a key.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskHolder {
    id: Uuid,
    kind: String,
    started_at: DateTime<Utc>,
    worker: Option<String>,
}

impl From<Why> for TaskWhy {
    fn from(why: Why) -> Self {
        match why {
            Why::Paused => Self::Paused,
            Why::NotDue { run_at, state } => Self::NotDue { run_at, status: state },
            Why::Group { group, left, tasks } => Self::Group {
                group,
                left: left.value,
                about: left.about,
                tasks: tasks.into_iter().map(Into::into).collect(),
            },
            Why::KeyLimit { key, limit, holders } => {
                let holder = |holder: mipo_app::ops::views::waiting::Holder| TaskHolder {
                    id: holder.id.into(),
                    kind: holder.kind,
                    started_at: holder.started_at,
                    worker: holder.worker,
                };
                Self::KeyLimit { key, limit, holders: holders.into_iter().map(holder).collect() }
            }
            Why::QueueBound { max_running, running } => Self::QueueBound { max_running, running },
            Why::RateLimit { limit, seconds, free_at } => Self::RateLimit { limit, seconds, free_at },
            Why::NoWorker { lost } => Self::NoWorker { lost },
            Why::Draining { workers } => Self::Draining { workers },
            Why::UnknownKind => Self::UnknownKind,
            Why::NoFreeSlot { slots, busy } => Self::NoFreeSlot { slots, busy },
            Why::DatabaseSlow { seconds, statement } => Self::DatabaseSlow { seconds, statement },
            Why::InLine { ahead } => Self::InLine { ahead: ahead.value, about: ahead.about },
        }
    }
}

impl From<Span> for TaskSpan {
    fn from(span: Span) -> Self {
        let attempt = span.attempt;
        let worker = attempt.as_ref().and_then(|attempt| attempt.worker.clone());
        Self {
            what: span.what.as_str(),
            from: span.from,
            to: span.to,
            attempt: attempt.as_ref().map(|attempt| attempt.number),
            outcome: attempt.as_ref().map(|attempt| attempt.outcome.clone()),
            host: worker.as_ref().map(|worker| worker.host.clone()),
            version: worker.as_ref().map(|worker| worker.version.clone()),
            worker: worker.map(|worker| worker.id),
            error: attempt.as_ref().and_then(|attempt| attempt.error.clone()),
            log: attempt.and_then(|attempt| attempt.log),
        }
    }
}

impl TaskAnswer {
    /// A task and why it waits.
    pub fn of(task: TaskDetail, why: Option<Vec<Why>>) -> Self {
        Self {
            id: task.id.as_uuid(),
            queue: task.queue,
            kind: task.kind,
            status: task.state,
            priority: task.priority,
            attempts: task.attempts,
            max_attempts: task.max_attempts,
            run_at: task.run_at,
            unique_key: task.unique_key,
            concurrency_key: task.concurrency_key,
            concurrency_limit: task.concurrency_limit,
            group: task.group,
            waits_for: task.waits_for,
            traceparent: task.traceparent,
            created_by: task.created_by,
            created_at: task.created_at,
            started_at: task.started_at,
            finished_at: task.finished_at,
            error: task.error,
            fingerprint: task.fingerprint,
            log: task.log,
            discarded_from: task.discarded_from,
            discarded_at: task.discarded_at,
            cancel_requested: task.cancel_requested,
            sealed: task.sealed,
            arguments: task.arguments,
            spans: task.spans.into_iter().map(Into::into).collect(),
            why: why.map(|why| why.into_iter().map(Into::into).collect()),
        }
    }
}

/// One task: its attempts as spans, and why it waits.
#[utoipa::path(
    get,
    path = "/api/ops/tasks/{id}",
    tag = "ops",
    operation_id = "getTask",
    extensions(("x-right" = json!("queues:view"))),
    params(("id" = Uuid, Path, description = "The task")),
    responses((status = 200, description = "The task", body = TaskAnswer))
)]
pub async fn get(State(app): State<App>, signed: SignedIn, Id(id): Id<TaskId>) -> Result<Json<TaskAnswer>, Problem> {
    now(&app, &signed, id).await
}
