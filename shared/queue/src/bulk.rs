//! One action over all tasks that pass a filter, batch by batch, each batch a transaction.
//!
//! The operation is a row; its task works through the ids in their order from the cursor that the row keeps. A batch
//! and its count commit together, so an attempt that is repeated goes on where the last one stopped.
use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::filter::{Filter, Shown, Term, Test};
use crate::payloads::BulkOperation;
use crate::views::tasks;
use crate::{QueueError, TaskId, kinds};

/// Tasks of a batch.
const BATCH: i64 = 500;

/// What is done to each task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Dead and cancelled ones are tried again.
    Retry,
    /// Live ones are called off.
    Cancel,
    /// Pending, dead and cancelled ones are set aside; it can be undone for 24 h.
    Discard,
    /// What another operation discarded comes back.
    UndoDiscard,
    /// Pending ones have another priority, 0 to 9.
    Reprioritise(u8),
    /// Those that wait for their time run now.
    RunNow,
}

impl Action {
    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Discard => "discard",
            Self::UndoDiscard => "undo_discard",
            Self::Reprioritise(_) => "reprioritise",
            Self::RunNow => "run_now",
        }
    }

    /// The states in which it can be done to a task.
    pub const fn states(self) -> &'static [Shown] {
        use Shown::{Cancelled, Dead, Discarded, Ready, Retrying, Running, Scheduled, Snoozed, Waiting};
        match self {
            Self::Retry => &[Dead, Cancelled],
            Self::Cancel => &[Scheduled, Retrying, Snoozed, Waiting, Ready, Running],
            Self::Discard => &[Scheduled, Retrying, Snoozed, Waiting, Ready, Dead, Cancelled],
            Self::UndoDiscard => &[Discarded],
            Self::Reprioritise(_) => &[Scheduled, Retrying, Snoozed, Waiting, Ready],
            Self::RunNow => &[Scheduled, Retrying, Snoozed],
        }
    }

    /// True when it takes something away, so that a reason must be given.
    pub const fn destroys(self) -> bool {
        matches!(self, Self::Cancel | Self::Discard)
    }

    fn read(word: &str, arguments: &Value) -> Option<Self> {
        let priority = arguments.get("priority").and_then(Value::as_u64).and_then(|n| u8::try_from(n).ok());
        match word {
            "reprioritise" => priority.map(Self::Reprioritise),
            other => other.parse().ok(),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = String;

    /// `reprioritise` reads as priority 0.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Retry, Self::Cancel, Self::Discard, Self::UndoDiscard, Self::Reprioritise(0), Self::RunNow];
        all.into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| "Write retry, cancel, discard, reprioritise or run_now.".to_owned())
    }
}

/// What `action` works on: the filter, and the states that allow it. Bulk operations themselves are left out; they
/// are stopped.
pub fn narrowed(filter: &Filter, action: Action) -> Filter {
    let mut filter = filter.clone().and(Test::Status(action.states().to_vec()));
    filter.terms.push(Term { not: true, test: Test::Kind(vec![kinds::BULK_OPERATION.name.to_owned()]) });
    filter
}

/// A new operation.
#[derive(Clone, Debug)]
pub struct NewBulk<'a> {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// What is done.
    pub action: Action,
    /// To what, as somebody wrote it.
    pub filter: &'a Filter,
    /// Why.
    pub reason: &'a str,
    /// How many tasks it will look at.
    pub total: i64,
    /// The operation whose discards are taken back.
    pub undoes: Option<Uuid>,
    /// Who asked.
    pub by: &'a str,
}

/// Writes the operation down and enqueues its task.
pub async fn start(conn: &mut PgConnection, new: NewBulk<'_>) -> Result<(), QueueError> {
    let arguments = match new.action {
        Action::Reprioritise(priority) => json!({ "priority": priority }),
        _ => json!({}),
    };
    sqlx::query_scalar!(
        "select jobs.start_bulk($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id,
        new.action.as_str(),
        new.filter.to_string(),
        arguments,
        new.reason,
        new.total,
        new.undoes,
        new.by
    )
    .fetch_one(&mut *conn)
    .await?;
    crate::enqueue(conn, BulkOperation::task(new.id).created_by(new.by)).await?;
    Ok(())
}

/// Asks an operation to stop after its batch. False: it has ended, or there is none.
pub async fn stop(conn: &mut PgConnection, id: Uuid) -> Result<bool, QueueError> {
    let status = sqlx::query_scalar!("select jobs.stop_bulk($1)", id).fetch_one(conn).await?;
    Ok(status.is_some())
}

/// How many tasks an operation has discarded, which its undo will look at.
pub async fn discarded(conn: &mut PgConnection, id: Uuid) -> Result<i64, QueueError> {
    let count = sqlx::query_scalar!(r#"select count(*) as "count!" from jobs.bulk_discards where operation = $1"#, id)
        .fetch_one(conn)
        .await?;
    Ok(count)
}

/// Does one batch in the caller's transaction. False: nothing is left to do.
pub async fn step(conn: &mut PgConnection, id: Uuid) -> Result<bool, QueueError> {
    let operation = sqlx::query!(
        r#"select action as "action!", filter as "filter!", arguments as "arguments!", cursor, undoes, created_at as "created_at!" from jobs.begin_bulk($1)"#,
        id
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(operation) = operation else { return Ok(false) };
    let read = (Action::read(&operation.action, &operation.arguments), operation.filter.parse::<Filter>());
    let (Some(action), Ok(filter)) = read else {
        // Written by a version that knew more; no attempt of this one can do it.
        fail(conn, id).await?;
        return Ok(false);
    };
    let after = operation.cursor.map(TaskId::from);
    let batch = match operation.undoes {
        Some(undone) => discards(conn, undone, after).await?,
        None => tasks::ids(conn, &narrowed(&filter, action), after, operation.created_at, BATCH).await?,
    };
    let Some((last, _)) = batch.last() else {
        advance(conn, id, None, 0, 0, Some("completed")).await?;
        return Ok(false);
    };
    let last = *last;
    let ids: Vec<_> = batch.iter().map(|(id, _)| id.as_uuid()).collect();
    let attempts: Vec<_> =
        batch.iter().map(|(_, kind)| kinds::by_name(kind).map_or(1, |kind| i32::from(kind.attempts))).collect();
    let priority = if let Action::Reprioritise(priority) = action { i16::from(priority.min(9)) } else { 0 };
    let done = sqlx::query_scalar!(
        r#"select jobs.apply_bulk($1, $2, $3, $4, $5) as "done!""#,
        id,
        action.as_str(),
        &ids,
        &attempts,
        priority
    )
    .fetch_one(&mut *conn)
    .await?;
    advance(conn, id, Some(last), done, ids.len() as i64 - done, None).await?;
    Ok(true)
}

/// The operation cannot go on: its task has used up its attempts.
pub async fn fail(conn: &mut PgConnection, id: Uuid) -> Result<(), QueueError> {
    advance(conn, id, None, 0, 0, Some("failed")).await
}

/// The task of the operation is asked to stop. Where somebody cancelled it, nobody will work on the operation any
/// more: it has stopped. In all other cases another attempt goes on.
pub async fn interrupted(conn: &mut PgConnection, id: Uuid, task: TaskId) -> Result<(), QueueError> {
    let cancelled = sqlx::query_scalar!("select cancel_requested from jobs.tasks where id = $1", task.as_uuid())
        .fetch_optional(&mut *conn)
        .await?;
    if cancelled == Some(true) { advance(conn, id, None, 0, 0, Some("stopped")).await } else { Ok(()) }
}

async fn discards(
    conn: &mut PgConnection,
    operation: Uuid,
    after: Option<TaskId>,
) -> Result<Vec<(TaskId, String)>, QueueError> {
    let ids = sqlx::query_scalar!(
        "select task_id from jobs.bulk_discards where operation = $1 and task_id > $2 order by task_id limit $3",
        operation,
        after.map_or(Uuid::nil(), TaskId::as_uuid),
        BATCH
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(|id| (id.into(), String::new())).collect())
}

async fn advance(
    conn: &mut PgConnection,
    id: Uuid,
    cursor: Option<TaskId>,
    done: i64,
    refused: i64,
    status: Option<&str>,
) -> Result<(), QueueError> {
    sqlx::query_scalar!(
        "select jobs.advance_bulk($1, $2, $3, $4, $5)",
        id,
        cursor.map(TaskId::as_uuid),
        done,
        refused,
        status
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}
