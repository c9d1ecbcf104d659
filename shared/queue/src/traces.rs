//! The spans of a task: that of being enqueued, which every attempt's span has as its parent. Told as events with the
//! fields of [`mipo_domain::trace::TARGET`], named by the semantic conventions for messaging.
use std::time::Duration;

use mipo_domain::trace::{Span, TARGET};
use uuid::Uuid;

use crate::context::Claim;
use crate::outcome::Verdict;
use crate::redaction::Redactor;
use crate::{NewTask, TaskId};

/// The span of the enqueueing of task `id`. A task without a cause begins a trace, which is named as the task.
pub(crate) fn enqueueing(id: Uuid, traceparent: Option<&str>) -> Span {
    cause(traceparent).map_or_else(|| Span::root(id), |cause| cause.child(id))
}

fn cause(traceparent: Option<&str>) -> Option<Span> {
    traceparent.and_then(|text| text.parse().ok())
}

/// Tells that `task` was enqueued as `id`; the caller's transaction may still roll it back.
pub(crate) fn tell_enqueued(task: &NewTask, id: TaskId, took: Duration) {
    let traceparent = task.traceparent.as_deref();
    let span = enqueueing(id.as_uuid(), traceparent);
    tracing::info!(
        target: TARGET,
        name = format!("enqueue {}", task.kind.queue),
        kind = "producer",
        trace_id = span.trace_id(),
        span_id = span.span_id(),
        parent_id = cause(traceparent).map(Span::span_id),
        took_us = micros(took),
        messaging.system = "mipo",
        messaging.operation.name = "enqueue",
        messaging.operation.type = "send",
        messaging.destination.name = task.kind.queue,
        messaging.message.id = %id,
        task.id = %id,
        task.kind = task.kind.name,
        task.queue = task.kind.queue,
    );
}

/// Tells that an attempt has ended.
pub(crate) fn tell_attempt(claim: &Claim, verdict: &Verdict, worker: &str) {
    let error = verdict.error().map(|error| Redactor::of(claim).apply(&error));
    tracing::info!(
        target: TARGET,
        name = format!("process {}", claim.kind.queue),
        kind = "consumer",
        trace_id = claim.span().trace_id(),
        span_id = claim.span().span_id(),
        parent_id = claim.enqueueing().span_id(),
        took_us = micros(claim.claimed_at.elapsed()),
        error,
        messaging.system = "mipo",
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.name = claim.kind.queue,
        messaging.message.id = %claim.id,
        messaging.client.id = worker,
        task.id = %claim.id,
        task.kind = claim.kind.name,
        task.queue = claim.kind.queue,
        task.attempt = claim.attempt,
        task.outcome = claim.outcome(verdict),
    );
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
