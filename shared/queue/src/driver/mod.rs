//! One driver a process: it claims for all its queues in one statement, never more than its free slots, and
//! acknowledges in the same round trip.
//!
//! Three tasks share its state: the exchange (claims and acknowledgements), the leases (renewal, which is the process's
//! heartbeat, and the rescue of tasks whose process died), and the bell (LISTEN). A database that goes away stops none
//! of them: they try again, and what was to be acknowledged is kept meanwhile.
mod bell;
mod config;
mod exchange;
mod leases;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use config::DriverConfig;

use crate::backend::Backend;
use crate::context::Claim;
use crate::kinds::Kind;
use crate::outcome::Verdict;
use crate::redaction::Redactor;
use crate::{QueueError, TaskId, measures, traces};

/// An attempt that failed, as [`Driver::run_until_idle`] tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedTask {
    /// The task.
    pub id: TaskId,
    /// Its kind.
    pub kind: &'static str,
    /// The attempt that failed.
    pub attempt: u32,
    /// Why.
    pub error: String,
    /// No attempt is left.
    pub dead: bool,
}

/// What the parts of a driver share.
#[derive(Debug)]
pub(crate) struct Shared {
    pool: PgPool,
    config: DriverConfig,
    /// Stop claiming.
    stopping: CancellationToken,
    /// Everything is handed in; the leases and the bell may go too.
    finished: CancellationToken,
    state: Mutex<State>,
    /// Something to do for the exchange.
    work: Notify,
    /// The exchange has done something.
    progress: Notify,
    /// The kinds changed: say so to the database.
    registration: Notify,
    /// Renew the leases now: somebody may have asked for a cancellation or a drain.
    renewal: Notify,
    /// The number of this worker; 0 until the database knows it.
    worker: AtomicI32,
    /// An operator wants no new work here.
    draining: AtomicBool,
    /// False between the runs of a driver that is told when to work.
    claiming: AtomicBool,
    stale: AtomicU64,
    listening: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    kinds: HashMap<&'static str, Worker>,
    /// By lease token: claimed and not yet acknowledged.
    held: HashMap<Uuid, Arc<Claim>>,
    reports: Vec<(Arc<Claim>, Verdict)>,
    /// Queues that may have something due.
    hungry: HashSet<&'static str>,
    /// Slots by queue as the database says, where it differs from the code.
    slots: HashMap<String, usize>,
    failures: Vec<FailedTask>,
}

#[derive(Debug)]
struct Worker {
    kind: &'static Kind,
    inbox: mpsc::UnboundedSender<Arc<Claim>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    fn takes_new_work(&self) -> bool {
        !self.is_draining() && self.claiming.load(Ordering::Relaxed)
    }

    /// The number of this worker, once the database knows it.
    fn worker(&self) -> Option<i32> {
        Some(self.worker.load(Ordering::Relaxed)).filter(|no| *no > 0)
    }

    /// The database does not know this worker: it was restored, or it pruned a worker that was away for months.
    fn forget_worker(&self) {
        self.worker.store(0, Ordering::Relaxed);
    }

    /// Takes the end of an attempt; the exchange makes it durable and frees the slot.
    pub(crate) fn report(&self, claim: Arc<Claim>, verdict: Verdict) {
        traces::tell_attempt(&claim, &verdict, &self.config.worker_id);
        {
            let mut state = self.state();
            if let Verdict::Failed { error, .. } | Verdict::Dead { error } = &verdict {
                let dead = claim.outcome(&verdict) == "dead";
                let said = Redactor::of(&claim).apply(error);
                tracing::warn!(
                    task.id = %claim.id, kind = claim.kind.name, attempt = claim.attempt, dead, error = said,
                    trace_id = claim.span().trace_id(), "task failed"
                );
                if self.config.by_hand {
                    state.failures.push(FailedTask {
                        id: TaskId::from(claim.id),
                        kind: claim.kind.name,
                        attempt: claim.attempt,
                        error: error.clone(),
                        dead,
                    });
                }
            }
            state.reports.push((claim, verdict));
        }
        self.work.notify_one();
    }

    pub(crate) fn forget_closed_kinds(&self) {
        self.state().kinds.retain(|_, worker| !worker.inbox.is_closed());
        self.registration.notify_one();
    }

    /// Looks at all queues again.
    fn wake_all(&self) {
        let mut state = self.state();
        let queues: Vec<_> = state.kinds.values().map(|worker| worker.kind.queue).collect();
        state.hungry.extend(queues);
        drop(state);
        self.work.notify_one();
    }
}

impl State {
    fn slots(&self, config: &DriverConfig, queue: &str) -> usize {
        config
            .slots
            .get(queue)
            .or_else(|| self.slots.get(queue))
            .copied()
            .unwrap_or_else(|| crate::kinds::queue(queue).map_or(1, |queue| usize::from(queue.concurrency)))
    }

    fn queues(&self) -> Vec<&'static str> {
        let queues: HashSet<_> = self.kinds.values().map(|worker| worker.kind.queue).collect();
        queues.into_iter().collect()
    }
}

/// The queue's driver of this process. Clones are handles on the same one.
#[derive(Clone, Debug)]
pub struct Driver {
    shared: Arc<Shared>,
    ended: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
}

impl Driver {
    /// Starts it. It never fails to start: a database that is away is waited for. It uses connections of its own (4,
    /// to where `pool` connects), so that handlers that use up the pool cannot make it lose its leases.
    ///
    /// When `shutdown` is cancelled it stops claiming, hands back what has not begun with its attempt restored, gives
    /// running handlers the time to drain, and ends; [`Driver::ended`] waits for that.
    pub fn start(pool: &PgPool, config: DriverConfig, shutdown: CancellationToken) -> Self {
        measures::describe();
        let own = PgPoolOptions::new()
            .max_connections(4)
            // A broken connection is noticed by its first statement, which is tried again: no ping before each.
            .test_before_acquire(false)
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with((*pool.connect_options()).clone());
        let claiming = AtomicBool::new(!config.by_hand);
        let shared = Arc::new(Shared {
            pool: own,
            config,
            stopping: shutdown,
            finished: CancellationToken::new(),
            state: Mutex::default(),
            work: Notify::new(),
            progress: Notify::new(),
            registration: Notify::new(),
            renewal: Notify::new(),
            worker: AtomicI32::new(0),
            draining: AtomicBool::new(false),
            claiming,
            stale: AtomicU64::new(0),
            listening: AtomicBool::new(false),
        });
        let leases = tokio::spawn(leases::run(Arc::clone(&shared)));
        let rescuer = tokio::spawn(leases::rescue(Arc::clone(&shared)));
        let bell = tokio::spawn(bell::run(Arc::clone(&shared)));
        let whole = Arc::clone(&shared);
        let ended = tokio::spawn(async move {
            exchange::run(Arc::clone(&whole)).await;
            whole.finished.cancel();
            let _ = tokio::join!(leases, rescuer, bell);
            whole.pool.close().await;
        });
        Self { shared, ended: Arc::new(tokio::sync::Mutex::new(Some(ended))) }
    }

    /// A backend for an apalis worker of `kind`. From now on its tasks are claimed.
    pub fn backend<Args: DeserializeOwned>(&self, kind: &'static Kind) -> Backend<Args> {
        measures::begin(kind);
        let (sender, inbox) = mpsc::unbounded_channel();
        {
            let mut state = self.shared.state();
            state.hungry.insert(kind.queue);
            if !self.shared.is_stopping() {
                // A stopping driver drops the sender at once, and the worker ends.
                state.kinds.insert(kind.name, Worker { kind, inbox: sender });
            }
        }
        self.shared.registration.notify_one();
        self.shared.work.notify_one();
        Backend::new(Arc::clone(&self.shared), kind, inbox)
    }

    /// The worker id: the name plus a ULID of this start.
    pub fn worker_id(&self) -> &str {
        &self.shared.config.worker_id
    }

    /// True when an operator has asked this worker to take no new work.
    pub fn is_draining(&self) -> bool {
        self.shared.is_draining()
    }

    /// How many answers were refused because the lease had gone.
    pub fn stale_count(&self) -> u64 {
        self.shared.stale.load(Ordering::Relaxed)
    }

    /// True while notifications are heard; else work is found by polling.
    pub fn is_listening(&self) -> bool {
        self.shared.listening.load(Ordering::Relaxed)
    }

    /// Runs everything that is due until nothing is left, and tells which attempts failed since the last call. For
    /// tests, with [`DriverConfig::by_hand`]: tasks that are scheduled, back off or wait are left alone.
    pub async fn run_until_idle(&self) -> Result<Vec<FailedTask>, QueueError> {
        self.shared.claiming.store(true, Ordering::Relaxed);
        loop {
            let progress = self.shared.progress.notified();
            self.shared.wake_all();
            let (kinds, busy) = {
                let state = self.shared.state();
                let kinds: Vec<String> = state.kinds.keys().map(|name| (*name).to_owned()).collect();
                (kinds, !state.held.is_empty() || !state.reports.is_empty())
            };
            if !busy && !due(&self.shared.pool, &kinds).await? {
                self.shared.claiming.store(!self.shared.config.by_hand, Ordering::Relaxed);
                return Ok(std::mem::take(&mut self.shared.state().failures));
            }
            // The timeout is for other processes, whose progress is not heard here.
            let _ = tokio::time::timeout(Duration::from_millis(50), progress).await;
        }
    }

    /// Waits until the driver has ended after its shutdown.
    pub async fn ended(&self) {
        if let Some(handle) = self.ended.lock().await.take() {
            let _ = handle.await;
        }
    }
}

async fn due(pool: &PgPool, kinds: &[String]) -> Result<bool, QueueError> {
    let due = sqlx::query_scalar!(
        r#"select exists (
             select from jobs.tasks t join jobs.queues q on q.name = t.queue
             where t.kind = any ($1) and jobs.shown_state(t) in ('ready', 'running') and (not q.paused or t.status = 'running')
           ) as "due!""#,
        kinds
    )
    .fetch_one(pool)
    .await?;
    Ok(due)
}
