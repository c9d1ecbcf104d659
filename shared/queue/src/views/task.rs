//! One task: what it is, what became of each attempt, and when.
use chrono::{DateTime, Utc};
use mipo_domain::ids::TaskId;
use mipo_domain::sealing::Sealer;
use serde_json::Value;
use sqlx::PgConnection;

use crate::{QueueError, traces};

/// Stands for a value of the arguments.
pub const MASK: &str = "•••";

/// A task with all that is known of it.
#[derive(Clone, Debug)]
pub struct TaskDetail {
    /// Its id.
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
    /// What at most one pending task holds.
    pub unique_key: Option<String>,
    /// What bounds how many run at once.
    pub concurrency_key: Option<String>,
    /// That many of the key run at once.
    pub concurrency_limit: Option<i16>,
    /// The group that it belongs to.
    pub group: Option<String>,
    /// The group that it waits for.
    pub waits_for: Option<String>,
    /// W3C trace context of what caused it, or the one that it began itself.
    pub traceparent: Option<String>,
    /// Who enqueued it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When its last attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The last error.
    pub error: Option<String>,
    /// Its failure group.
    pub fingerprint: Option<String>,
    /// What the last attempt logged.
    pub log: Option<String>,
    /// The state that a discarded task had.
    pub discarded_from: Option<String>,
    /// When it was discarded; it can be undone for 24 h.
    pub discarded_at: Option<DateTime<Utc>>,
    /// Somebody asked for its cancellation.
    pub cancel_requested: bool,
    /// The arguments are sealed at rest.
    pub sealed: bool,
    /// The arguments with every value masked; absent when they are sealed.
    pub arguments: Option<Value>,
    /// From its making to its end, in order, without gaps.
    pub spans: Vec<Span>,
}

/// A piece of a task's life.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// What it did.
    pub what: SpanKind,
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when; none while it goes on.
    pub to: Option<DateTime<Utc>>,
    /// The attempt, from 1, of a span that is one.
    pub attempt: Option<Attempt>,
}

/// What a task did in a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Not due yet.
    Scheduled,
    /// Due, not begun.
    Waiting,
    /// A worker had it.
    Running,
    /// A worker had it and was lost; it was taken back.
    Rescued,
    /// After a failed attempt, before the next.
    BackOff,
}

impl SpanKind {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Rescued => "rescued",
            Self::BackOff => "back-off",
        }
    }
}

/// An attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: i32,
    /// `running`, `done`, `failed`, `rescued`, `dead`, `cancelled` or `put back`.
    pub outcome: String,
    /// Who had it.
    pub worker: Option<AttemptWorker>,
    /// How it failed.
    pub error: Option<String>,
    /// The group of that failure.
    pub fingerprint: Option<String>,
    /// What it logged.
    pub log: Option<String>,
}

/// Who had an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptWorker {
    /// Name and ULID of the process start.
    pub id: String,
    /// Its host.
    pub host: String,
    /// Its version.
    pub version: String,
}

struct PastAttempt {
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    attempt: Attempt,
}

/// The task of this id, wherever it stands.
pub async fn detail(conn: &mut PgConnection, id: TaskId) -> Result<Option<TaskDetail>, QueueError> {
    let row = sqlx::query!(
        r#"select t.queue as "queue!", t.kind as "kind!", t.state as "state!", t.priority as "priority!", t.attempts as "attempts!",
             t.max_attempts as "max_attempts!", t.run_at as "run_at!", t.unique_key, t.concurrency_key, t.concurrency_limit, t.group_key,
             t.waits_for, t.traceparent, t.created_by as "created_by!", t.created_at as "created_at!", t.started_at, t.finished_at, t.last_error,
             t.fingerprint, t.log, t.discarded_from, t.discarded_at, t.cancel_requested as "cancel_requested!", t.payload,
             w.id as "worker_id?", w.host as "worker_host?", w.version as "worker_version?"
           from jobs.all_tasks t left join jobs.workers w on w.no = t.locked_by where t.id = $1"#,
        id.as_uuid()
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let mut attempts = past_attempts(conn, id).await?;
    if let Some(started_at) = row.started_at
        && !attempts.iter().any(|past| past.started_at == started_at)
        && row.attempts > 0
    {
        let ended = row.finished_at.is_some();
        let outcome = match row.state.as_str() {
            "running" => "running".to_owned(),
            "discarded" => "put back".to_owned(),
            state if ended => state.to_owned(),
            _ => "put back".to_owned(),
        };
        let worker = match (row.worker_id, row.worker_host, row.worker_version) {
            (Some(id), Some(host), Some(version)) => Some(AttemptWorker { id, host, version }),
            _ => None,
        };
        attempts.push(PastAttempt {
            started_at,
            ended_at: match outcome.as_str() {
                "running" => None,
                // It was snoozed or handed back: nobody wrote down when.
                "put back" => Some(started_at),
                _ => row.finished_at,
            },
            attempt: Attempt {
                number: row.attempts,
                worker,
                error: row.last_error.clone().filter(|_| ended && outcome != "done"),
                fingerprint: row.fingerprint.clone().filter(|_| ended && outcome != "done"),
                log: row.log.clone(),
                outcome,
            },
        });
    }
    let life = Life {
        created_at: row.created_at,
        run_at: row.run_at,
        finished_at: row.finished_at,
        pending: !matches!(row.state.as_str(), "running") && row.finished_at.is_none(),
    };
    Ok(Some(TaskDetail {
        id,
        queue: row.queue,
        kind: row.kind,
        state: row.state,
        priority: row.priority,
        attempts: row.attempts,
        max_attempts: row.max_attempts,
        run_at: row.run_at,
        unique_key: row.unique_key,
        concurrency_key: row.concurrency_key,
        concurrency_limit: row.concurrency_limit,
        group: row.group_key,
        waits_for: row.waits_for,
        traceparent: row.traceparent.or_else(|| Some(traces::enqueueing(id.as_uuid(), None).to_string())),
        created_by: row.created_by,
        created_at: row.created_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        error: row.last_error,
        fingerprint: row.fingerprint,
        log: row.log,
        discarded_from: row.discarded_from,
        discarded_at: row.discarded_at,
        cancel_requested: row.cancel_requested,
        sealed: row.payload.is_none(),
        arguments: row.payload.as_ref().map(|payload| mask(payload.get("ids").unwrap_or(payload))),
        spans: spans(&life, attempts),
    }))
}

async fn past_attempts(conn: &mut PgConnection, id: TaskId) -> Result<Vec<PastAttempt>, QueueError> {
    let rows = sqlx::query!(
        r#"select a.attempt, a.started_at, a.ended_at, a.outcome, a.error, a.fingerprint, a.log, w.id as "worker_id?", w.host as "worker_host?",
             w.version as "worker_version?"
           from jobs.task_attempts a left join jobs.workers w on w.no = a.worker where a.task_id = $1 order by a.started_at limit 1000"#,
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    let attempts = rows.into_iter().map(|row| PastAttempt {
        started_at: row.started_at,
        ended_at: Some(row.ended_at),
        attempt: Attempt {
            number: row.attempt,
            outcome: row.outcome,
            worker: match (row.worker_id, row.worker_host, row.worker_version) {
                (Some(id), Some(host), Some(version)) => Some(AttemptWorker { id, host, version }),
                _ => None,
            },
            error: Some(row.error),
            fingerprint: Some(row.fingerprint),
            log: row.log,
        },
    });
    Ok(attempts.collect())
}

struct Life {
    created_at: DateTime<Utc>,
    run_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    pending: bool,
}

/// The attempts and what lies between them. Only the last due time is stored: of the gaps before, it is not known
/// where back-off ended and waiting began, and they are shown as back-off.
fn spans(life: &Life, attempts: Vec<PastAttempt>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut at = life.created_at;
    let mut between = SpanKind::Waiting;
    let count = attempts.len();
    for (n, past) in attempts.into_iter().enumerate() {
        if past.started_at > at {
            // The due time of a task that never failed is still that of its first attempt.
            let due =
                (n + 1 == count && life.run_at > at && life.run_at < past.started_at && life.finished_at.is_some())
                    .then_some(life.run_at);
            gap(&mut spans, between, at, due, Some(past.started_at));
        }
        let what = if past.attempt.outcome == "rescued" { SpanKind::Rescued } else { SpanKind::Running };
        spans.push(Span { what, from: past.started_at, to: past.ended_at, attempt: Some(past.attempt) });
        at = past.ended_at.unwrap_or(past.started_at);
        between = SpanKind::BackOff;
    }
    if life.pending {
        gap(&mut spans, between, at, Some(life.run_at), None);
    } else if let Some(end) = life.finished_at.filter(|end| *end > at) {
        gap(&mut spans, between, at, Some(life.run_at).filter(|due| *due < end), Some(end));
    }
    spans
}

/// From `from` to `to`: not due until `due`, then waiting.
fn gap(
    spans: &mut Vec<Span>,
    between: SpanKind,
    from: DateTime<Utc>,
    due: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) {
    let early = if between == SpanKind::BackOff { SpanKind::BackOff } else { SpanKind::Scheduled };
    match due {
        Some(due) if due > from => {
            spans.push(Span { what: early, from, to: Some(due), attempt: None });
            spans.push(Span { what: SpanKind::Waiting, from: due, to, attempt: None });
        }
        Some(_) => spans.push(Span { what: SpanKind::Waiting, from, to, attempt: None }),
        None => spans.push(Span { what: between, from, to, attempt: None }),
    }
}

/// The same fields, their values masked.
fn mask(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), mask(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(mask).collect()),
        _ => Value::String(MASK.to_owned()),
    }
}

/// The arguments of a task in clear, opened with `sealer` where they are sealed. The caller has checked the right and
/// writes down who looked. `None`: there is no such task; `Err` inside: they cannot be opened, with the reason.
pub async fn arguments(
    conn: &mut PgConnection,
    id: TaskId,
    sealer: &Sealer,
) -> Result<Option<Result<Value, String>>, QueueError> {
    let row = sqlx::query!("select t.payload, t.payload_sealed from jobs.all_tasks t where t.id = $1", id.as_uuid())
        .fetch_optional(conn)
        .await?;
    let ids = |payload: Value| payload.get("ids").cloned().unwrap_or(payload);
    Ok(row.map(|row| match (row.payload, row.payload_sealed) {
        (Some(payload), _) => Ok(ids(payload)),
        (None, Some(sealed)) => crate::seal::open(sealer, id.as_uuid(), &sealed).map(ids),
        (None, None) => Err("the task has no payload".to_owned()),
    }))
}
