//! The apalis side: a backend a kind, and the layer that turns what a handler does into the end of an attempt.
use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend as ApalisBackend, BackendConfig};
use apalis_core::error::BoxDynError;
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::TaskId as ApalisTaskId;
use apalis_core::worker::context::WorkerContext;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tower::{Layer, Service};
use tracing::Instrument as _;

use crate::context::{Claim, NoError, Stop, TaskContext};
use crate::driver::Shared;
use crate::kinds::Kind;
use crate::measures;
use crate::outcome::{Outcome, Verdict};

/// How long a handler that was asked to stop may take to do so.
const GRACE: Duration = Duration::from_secs(5);

/// Hands the tasks of one kind to an apalis worker. The driver claims them, for free slots only; nothing waits here
/// that another process could run.
#[derive(Debug)]
pub struct Backend<Args> {
    shared: Arc<Shared>,
    kind: &'static Kind,
    inbox: mpsc::UnboundedReceiver<Arc<Claim>>,
    args: PhantomData<fn() -> Args>,
}

impl<Args> Backend<Args> {
    pub(crate) const fn new(
        shared: Arc<Shared>,
        kind: &'static Kind,
        inbox: mpsc::UnboundedReceiver<Arc<Claim>>,
    ) -> Self {
        Self { shared, kind, inbox, args: PhantomData }
    }
}

impl<Args: DeserializeOwned> ApalisBackend for Backend<Args> {
    type Task = Task<Args>;
    type Error = NoError;

    fn poll_ready(&mut self, _cx: &mut Context<'_>, _worker: &WorkerContext) -> Poll<Result<(), NoError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Option<Result<Self::Task, NoError>>> {
        loop {
            let Some(claim) = std::task::ready!(self.inbox.poll_recv(cx)) else {
                // The driver is ending. apalis waits for a stop even when its source is exhausted.
                let _ = worker.stop();
                return Poll::Ready(None);
            };
            if self.shared.is_stopping() {
                self.shared.report(claim, Verdict::Returned);
                continue;
            }
            match decode(&claim) {
                Ok(args) => return Poll::Ready(Some(Ok(task(args, claim)))),
                // Dead at once, and the worker lives: no attempt can mend what cannot be read.
                Err(Unread::Never(reason)) => {
                    self.shared.report(claim, Verdict::Dead { error: format!("unreadable payload: {reason}") });
                }
                // During an upgrade: a newer process beside this one will read it.
                Err(Unread::Newer) => {
                    tracing::warn!(task.id = %claim.id, kind = claim.kind.name, "a task of a newer version waits");
                    self.shared.report(claim, Verdict::Newer);
                }
            }
        }
    }

    fn poll_close(&mut self, _cx: &mut Context<'_>, _worker: &WorkerContext) -> Poll<Result<(), NoError>> {
        Poll::Ready(Ok(()))
    }
}

impl<Args: DeserializeOwned> BackendConfig for Backend<Args> {
    type Args = Args;
    type Id = crate::TaskId;
    type Kind = Ephemeral;
    type Config = Kind;
    type Layer = AttemptLayer;

    fn config(&self) -> &Kind {
        self.kind
    }

    fn middleware(&mut self, _worker: &mut WorkerContext) -> AttemptLayer {
        AttemptLayer { shared: Arc::clone(&self.shared) }
    }
}

impl<Args> Drop for Backend<Args> {
    fn drop(&mut self) {
        self.inbox.close();
        while let Ok(claim) = self.inbox.try_recv() {
            self.shared.report(claim, Verdict::Returned);
        }
        self.shared.forget_closed_kinds();
    }
}

/// Why a payload was not read.
enum Unread {
    Never(String),
    Newer,
}

fn decode<Args: DeserializeOwned>(claim: &Claim) -> Result<Args, Unread> {
    let payload = claim.payload.as_ref().map_err(|reason| Unread::Never(reason.clone()))?;
    match payload.get("v").and_then(Value::as_u64) {
        Some(version) if version > u64::from(claim.kind.version) => return Err(Unread::Newer),
        Some(1..) => {}
        _ => return Err(Unread::Never("it has no version".to_owned())),
    }
    let ids = payload.get("ids").cloned().unwrap_or(Value::Null);
    serde_json::from_value(ids).map_err(|error| Unread::Never(error.to_string()))
}

fn task<Args>(args: Args, claim: Arc<Claim>) -> Task<Args> {
    let attempts_before = usize::try_from(claim.attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    TaskBuilder::new(args)
        .task_id(ApalisTaskId::from_string(claim.id.to_string()))
        .attempt(attempts_before)
        .max_attempts(usize::try_from(claim.max_attempts).unwrap_or(usize::MAX))
        .queue(claim.kind.queue.into())
        .lock_by(Some(claim.token.to_string()))
        .data(TaskContext { claim })
        .build()
}

/// Wraps the worker's service, and with it whatever layers it was built with.
#[derive(Clone, Debug)]
pub struct AttemptLayer {
    shared: Arc<Shared>,
}

impl<S> Layer<S> for AttemptLayer {
    type Service = AttemptService<S>;

    fn layer(&self, inner: S) -> AttemptService<S> {
        AttemptService { inner, shared: Arc::clone(&self.shared) }
    }
}

/// Runs each attempt on a task of its own, ends it in time, and reports how it ended: exactly once, whatever happens.
#[derive(Clone, Debug)]
pub struct AttemptService<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S, Args> Service<Task<Args>> for AttemptService<S>
where
    S: Service<Task<Args>, Response = Outcome>,
    S::Error: Into<BoxDynError>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = BoxDynError;
    type Future = BoxFuture<'static, Result<(), BoxDynError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, task: Task<Args>) -> Self::Future {
        let claim = match task.data().get::<TaskContext>() {
            Some(context) => Arc::clone(&context.claim),
            None => return Box::pin(async { Err("this task does not come from the queue's backend".into()) }),
        };
        let ticket = Ticket { claim: Some(claim), shared: Arc::clone(&self.shared) };
        let begun = catch_unwind(AssertUnwindSafe(|| self.inner.call(task)));
        Box::pin(async move {
            let claim = ticket.claim();
            let verdict = match begun {
                Ok(future) => attempt(&claim, async move { future.await.map_err(Into::into) }).await,
                Err(panic) => Verdict::Failed { delay: None, error: panic_text(&*panic) },
            };
            ticket.hand_in(verdict);
            Ok(())
        })
    }
}

/// One attempt from its first step to its verdict.
async fn attempt<F>(claim: &Arc<Claim>, handler: F) -> Verdict
where
    F: Future<Output = Result<Outcome, BoxDynError>> + Send + 'static,
{
    let span = tracing::info_span!(
        "task",
        kind = claim.kind.name,
        task.id = %claim.id,
        attempt = claim.attempt,
        trace_id = claim.span().trace_id()
    );
    let started = tokio::time::Instant::now();
    let mut running = AbortOnDrop(tokio::spawn(claim.log.collect(handler.instrument(span))));
    let verdict = watched(claim, &mut running).await;
    metrics::histogram!(measures::RUN, "kind" => claim.kind.name).record(started.elapsed().as_secs_f64());
    verdict
}

/// Ends the handler when it is asked to stop or has had its time.
async fn watched(claim: &Arc<Claim>, running: &mut AbortOnDrop<Result<Outcome, BoxDynError>>) -> Verdict {
    tokio::select! {
        biased;
        ended = &mut running.0 => return verdict(ended),
        () = claim.cancel.cancelled() => {}
        () = tokio::time::sleep(claim.kind.deadline) => claim.ask_to_stop(Stop::Deadline),
    }
    let why = claim.stop.get().copied().unwrap_or(Stop::Shutdown);
    let ended = tokio::time::timeout(GRACE, &mut running.0).await;
    match (ended, why) {
        // It came to an end by itself. If the lease is lost this answer will be refused, and counted.
        (Ok(Ok(Ok(Outcome::Done))), _) => Verdict::Done,
        (_, Stop::Lost) => Verdict::Lost,
        (_, Stop::Cancelled) => Verdict::Cancelled { error: "cancelled while running".to_owned() },
        (_, Stop::Shutdown) => Verdict::Returned,
        (_, Stop::Deadline) => Verdict::Failed {
            delay: None,
            error: format!("deadline: still running after {} s", claim.kind.deadline.as_secs()),
        },
    }
}

fn verdict(ended: Result<Result<Outcome, BoxDynError>, JoinError>) -> Verdict {
    match ended {
        Ok(result) => Verdict::of(result),
        Err(error) if error.is_panic() => Verdict::Failed { delay: None, error: panic_text(&*error.into_panic()) },
        // The runtime is going away under us.
        Err(_) => Verdict::Returned,
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned());
    format!("panicked: {text}")
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The duty to report a claim. Dropped without a verdict (its worker was dropped), it hands the task back: else its
/// lease would be renewed for ever and its slot never be free again.
struct Ticket {
    claim: Option<Arc<Claim>>,
    shared: Arc<Shared>,
}

impl Ticket {
    fn claim(&self) -> Arc<Claim> {
        Arc::clone(self.claim.as_ref().expect("only hand_in and drop take the claim, and both end the ticket"))
    }

    fn hand_in(mut self, verdict: Verdict) {
        if let Some(claim) = self.claim.take() {
            self.shared.report(claim, verdict);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.shared.report(claim, Verdict::Returned);
        }
    }
}
