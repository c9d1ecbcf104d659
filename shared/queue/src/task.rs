//! A task that is about to be enqueued.
use std::time::Duration;

use chrono::{DateTime, Utc};
use mipo_domain::clock::Clock;
use mipo_domain::entropy::Entropy;
use mipo_domain::ids::TaskId;
use mipo_domain::sealing::Sealer;
use serde::Serialize;
use serde_json::{Value, json};

use crate::kinds::Kind;

/// What happens when a pending task holds the same unique key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// The pending one stands for both; it will see what the caller's transaction wrote.
    #[default]
    Skip,
    /// The pending one becomes this one, under its own id.
    Replace,
    /// The pending one runs when this one would have.
    Reschedule,
}

impl OnConflict {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Replace => "replace",
            Self::Reschedule => "reschedule",
        }
    }
}

/// A task to be enqueued: a kind, ids, and how it gets along with others.
#[derive(Clone, Debug)]
#[must_use = "a task runs only when it is enqueued"]
pub struct NewTask {
    pub(crate) kind: &'static Kind,
    pub(crate) ids: Result<Value, String>,
    pub(crate) priority: i16,
    pub(crate) run_at: Option<DateTime<Utc>>,
    pub(crate) delay: Duration,
    pub(crate) unique_key: Option<String>,
    pub(crate) on_conflict: OnConflict,
    pub(crate) concurrency_key: Option<String>,
    pub(crate) concurrency_limit: i16,
    pub(crate) group: Option<String>,
    pub(crate) waits_for: Option<String>,
    pub(crate) traceparent: Option<String>,
    pub(crate) sealed: Option<(TaskId, Vec<u8>)>,
    pub(crate) created_by: Option<String>,
}

impl NewTask {
    /// A task of `kind` about `ids`, an object (see [`crate::payloads`]). Due at once, once per call, in any order.
    pub fn new(kind: &'static Kind, ids: impl Serialize) -> Self {
        let ids = serde_json::to_value(ids).map_err(|error| error.to_string()).and_then(|ids| match ids {
            Value::Object(_) => Ok(ids),
            Value::Null => Ok(json!({})),
            other => Err(format!("must be an object of ids, is {other}")),
        });
        Self {
            kind,
            ids,
            priority: 0,
            run_at: None,
            delay: Duration::ZERO,
            unique_key: None,
            on_conflict: OnConflict::Skip,
            concurrency_key: None,
            concurrency_limit: 1,
            group: None,
            waits_for: None,
            traceparent: None,
            sealed: None,
            created_by: None,
        }
    }

    /// At most one pending task holds `key`. It binds pending tasks only: one that already runs may have looked before
    /// the caller wrote, so a second one is enqueued beside it.
    pub fn unique_key(mut self, key: impl Into<String>) -> Self {
        self.unique_key = Some(key.into());
        self
    }

    /// What happens when the unique key is held; [`OnConflict::Skip`] unless said.
    pub const fn on_conflict(mut self, choice: OnConflict) -> Self {
        self.on_conflict = choice;
        self
    }

    /// At most one task of `key` runs at a time, over all processes.
    pub fn concurrency_key(mut self, key: impl Into<String>) -> Self {
        self.concurrency_key = Some(key.into());
        self
    }

    /// At most `limit` tasks of the concurrency key run at a time; 1 unless said.
    pub fn concurrency_limit(mut self, limit: u16) -> Self {
        self.concurrency_limit = i16::try_from(limit.max(1)).unwrap_or(i16::MAX);
        self
    }

    /// 0 to 9, higher first; above 9 counts as 9.
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = i16::from(priority.min(9));
        self
    }

    /// Not before `instant`, by the database clock.
    pub const fn run_at(mut self, instant: DateTime<Utc>) -> Self {
        self.run_at = Some(instant);
        self
    }

    /// Not before so long from now.
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The group that the task belongs to.
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.group = Some(name.into());
        self
    }

    /// Runs when no task of the group `name` is pending or running any more. Enqueue the group first.
    pub fn waits_for(mut self, name: impl Into<String>) -> Self {
        self.waits_for = Some(name.into());
        self
    }

    /// The trace that the task belongs to, as W3C `traceparent`.
    pub fn traceparent(mut self, value: impl Into<String>) -> Self {
        self.traceparent = Some(value.into());
        self
    }

    /// The trace of what the task goes on with, where that has one.
    pub fn continuing(mut self, trace: Option<&str>) -> Self {
        self.traceparent = trace.map(str::to_owned);
        self
    }

    /// Seals the payload; a kind that is [`Kind::sealed`] is enqueued only so. The id is minted here, because a sealed
    /// value belongs to its row.
    pub fn seal(
        mut self,
        sealer: &Sealer,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<Self, crate::QueueError> {
        let id = TaskId::mint(clock, entropy);
        let payload = self.payload()?;
        self.sealed = Some((id, crate::seal::seal(sealer, entropy, id.as_uuid(), &payload)));
        Ok(self)
    }

    /// Who asked for it; the name of the connecting service unless said.
    pub fn created_by(mut self, who: impl Into<String>) -> Self {
        self.created_by = Some(who.into());
        self
    }

    /// Its kind.
    pub const fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// The payload that is stored: `{"v": version of the kind, "ids": {…}}`.
    pub(crate) fn payload(&self) -> Result<Value, crate::QueueError> {
        match &self.ids {
            Ok(ids) => Ok(json!({ "v": self.kind.version, "ids": ids })),
            Err(reason) => Err(crate::QueueError::Payload { kind: self.kind.name, reason: reason.clone() }),
        }
    }
}
