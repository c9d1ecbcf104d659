//! What a handler may know about the attempt that it is.
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use apalis_core::task::Task;
use apalis_core::task::data::MissingDataError;
use apalis_core::task::from_request::FromRequest;
use mipo_domain::trace::Span;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::TaskId;
use crate::kinds::Kind;
use crate::logs::Lines;
use crate::outcome::Verdict;
use crate::traces;

/// Why a running attempt is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Its lease is somebody else's.
    Lost,
    /// Somebody cancelled the task.
    Cancelled,
    /// The process ends and the time to drain is over.
    Shutdown,
    /// It took longer than its kind may.
    Deadline,
}

/// A task that this process holds a lease on.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) id: Uuid,
    pub(crate) token: Uuid,
    pub(crate) kind: &'static Kind,
    /// The payload, or why it cannot be read.
    pub(crate) payload: Result<Value, String>,
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    pub(crate) traceparent: Option<String>,
    /// What the attempt logged.
    pub(crate) log: Lines,
    /// When it came into this process.
    pub(crate) claimed_at: tokio::time::Instant,
    pub(crate) cancel: CancellationToken,
    pub(crate) stop: OnceLock<Stop>,
}

impl Claim {
    /// Asks the handler to stop; the first reason counts.
    pub(crate) fn ask_to_stop(&self, why: Stop) {
        let _ = self.stop.set(why);
        self.cancel.cancel();
    }

    /// The span of the task's enqueueing: the parent of each of its attempts.
    pub(crate) fn enqueueing(&self) -> Span {
        traces::enqueueing(self.id, self.traceparent.as_deref())
    }

    /// The span of this attempt; the lease is its alone.
    pub(crate) fn span(&self) -> Span {
        self.enqueueing().child(self.token)
    }

    /// How the attempt ended, in a word: a failure of the last one is `dead`.
    pub(crate) fn outcome(&self, verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Done => "done",
            Verdict::Lost => "lost",
            Verdict::Failed { .. } if self.attempt >= self.max_attempts => "dead",
            Verdict::Failed { .. } => "failed",
            other => other.word().unwrap_or("done"),
        }
    }
}

/// The running attempt. Ask for it as an argument of the handler.
#[derive(Clone, Debug)]
pub struct TaskContext {
    pub(crate) claim: Arc<Claim>,
}

impl TaskContext {
    /// The task.
    pub fn task_id(&self) -> TaskId {
        TaskId::from(self.claim.id)
    }

    /// Its kind.
    pub fn kind(&self) -> &'static Kind {
        self.claim.kind
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.claim.attempt
    }

    /// True when a failure of this attempt ends the task.
    pub fn is_last_attempt(&self) -> bool {
        self.claim.attempt >= self.claim.max_attempts
    }

    /// This attempt as W3C `traceparent`: what it enqueues continues the trace from here.
    pub fn traceparent(&self) -> String {
        self.claim.span().to_string()
    }

    /// Cancelled when the lease is lost, somebody cancels the task, the deadline has passed, or the process ends. A
    /// handler that works in steps looks at it between them; one that does not is stopped 5 s later.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.claim.cancel
    }
}

impl<Args: Sync> FromRequest<Task<Args>> for TaskContext {
    type Error = MissingDataError;

    async fn from_request(task: &Task<Args>) -> Result<Self, Self::Error> {
        task.data().get_checked::<Self>().cloned()
    }
}

/// The backend never fails: what goes wrong with the database is the driver's to mend, and the worker lives on.
pub(crate) type NoError = Infallible;
