//! A job in hand: what its threads share, and its run from claim to end.
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use mipo_domain::exclusions::{Exclusion, Exclusions};
use mipo_domain::ids::ScanJobId;
use mipo_domain::targets::IndexSpace;
use mipo_protocol::messages::{ClaimedJob, Directive, StartAnswer, StartRequest};
use mipo_protocol::problem::{Action, Code};
use mipo_protocol::spec::{Admission, Spec, SpecError};
use mipo_protocol::wire::STOP_BEFORE_LEASE_END_SECONDS;

use super::Agent;
use super::backoff::Backoff;
use super::heartbeat;
use super::keeper::{End, Keeper};
use super::work::JobWork;
use crate::engine::epoll::{Engine, Settings};
use crate::engine::{Control, Ended};

/// Drafts that may wait for the keeper.
const DRAFTS: usize = 2;

/// Why a job is to end before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// This machine's clock is wrong: it starts no job.
    Clock,
    /// The operator paused it, or a blackout began.
    Pause,
    /// It is over.
    Stop,
    /// This scanner goes down.
    Shutdown,
    /// The same job was handed out again: this run must not say another word.
    Abandon,
}

impl Order {
    /// The reason given at the release.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Clock => "clock",
            Self::Pause => "pause",
            Self::Stop => "stop",
            Self::Shutdown => "shutdown",
            Self::Abandon => "abandoned",
        }
    }

    const ALL: [Self; 5] = [Self::Clock, Self::Pause, Self::Stop, Self::Shutdown, Self::Abandon];
}

/// What the threads of a job share.
#[derive(Debug)]
pub struct Job {
    /// Its id.
    pub id: ScanJobId,
    /// The attempt of its lease.
    pub lease_attempt: u32,
    /// The reins of its engine.
    pub control: Control,
    order: AtomicU8,
    probed: AtomicU64,
    found: AtomicU64,
    exclusions: Mutex<Arc<Exclusions>>,
    exclusions_changed: AtomicBool,
}

impl Job {
    /// A job just claimed.
    pub fn new(id: ScanJobId, lease_attempt: u32) -> Self {
        Self {
            id,
            lease_attempt,
            control: Control::default(),
            order: AtomicU8::new(0),
            probed: AtomicU64::new(0),
            found: AtomicU64::new(0),
            exclusions: Mutex::default(),
            exclusions_changed: AtomicBool::new(false),
        }
    }

    /// Ends it early. The strongest order stays.
    pub fn order(&self, order: Order) {
        self.order.fetch_max(order as u8 + 1, Ordering::Relaxed);
        self.control.stop();
    }

    /// The order given, if any.
    pub fn ordered(&self) -> Option<Order> {
        let number = self.order.load(Ordering::Relaxed);
        number.checked_sub(1).and_then(|position| Order::ALL.get(usize::from(position)).copied())
    }

    /// Does what the server says.
    pub fn obey(&self, directive: Directive) {
        match directive {
            Directive::Continue => {}
            Directive::Pause => self.order(Order::Pause),
            Directive::Stop => self.order(Order::Stop),
        }
    }

    /// Every lower index has its verdict.
    pub fn reached(&self, index: u64) {
        self.probed.store(index, Ordering::Relaxed);
    }

    /// See [`Job::reached`].
    pub fn probed_index(&self) -> u64 {
        self.probed.load(Ordering::Relaxed)
    }

    /// An open port.
    pub fn found_one(&self) {
        self.found.fetch_add(1, Ordering::Relaxed);
    }

    /// Open ports found in this run.
    pub fn found(&self) -> u64 {
        self.found.load(Ordering::Relaxed)
    }

    /// What is skipped now.
    pub fn exclusions(&self) -> Arc<Exclusions> {
        Arc::clone(&self.exclusions.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is skipped, if it is not `known` any more.
    pub fn newer_exclusions(&self, known: &Arc<Exclusions>) -> Option<Arc<Exclusions>> {
        if !self.exclusions_changed.swap(false, Ordering::Relaxed) {
            return None;
        }
        Some(self.exclusions()).filter(|now| !Arc::ptr_eq(now, known))
    }

    /// Skips these too. Nothing that was skipped is ever probed again.
    pub fn exclude(&self, added: &[Exclusion]) {
        let mut exclusions = self.exclusions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = exclusions.list().to_vec();
        let known = list.len();
        for exclusion in added {
            if !list.contains(exclusion) {
                list.push(exclusion.clone());
            }
        }
        if list.len() > known {
            *exclusions = Arc::new(Exclusions::new(list));
            self.exclusions_changed.store(true, Ordering::Relaxed);
        }
    }

    /// The lease holds for `seconds` from `asked_at`, when the question for it was sent. Probing stops before its end.
    pub fn leased(&self, asked_at: Instant, seconds: u32) {
        let length = Duration::from_secs(seconds.into());
        let margin = Duration::from_secs(STOP_BEFORE_LEASE_END_SECONDS).min(length / 2);
        self.control.probe_until(asked_at + length.saturating_sub(margin));
    }

    /// Probes no faster than the spec and the server say.
    pub fn set_rate(&self, spec: &Spec, narrowed: u32) {
        let pps = [spec.rate_pps, narrowed].into_iter().filter(|pps| *pps > 0).min().unwrap_or(0);
        self.control.set_pps(pps);
    }
}

/// Reads the spec. A signature by a key that is not known may come from one that the server began to use meanwhile:
/// its keys are asked for before such a job is given up.
fn verify(agent: &Agent, claimed: &ClaimedJob) -> Result<Spec, SpecError> {
    match claimed.signed_spec().verify(&agent.pinned_keys()) {
        Err(SpecError::BadSignature) => {
            heartbeat::ask_for_keys(agent);
            claimed.signed_spec().verify(&agent.pinned_keys())
        }
        verified => verified,
    }
}

/// Why a job is not started.
fn refuse(agent: &Agent, claimed: &ClaimedJob) -> Result<(Spec, IndexSpace), String> {
    let spec = verify(agent, claimed).map_err(|error| error.to_string())?;
    let unreadable = |error: std::io::Error| format!("the spool cannot be used: {error}");
    let remembered = agent.spool.memory(spec.job_id).map_err(unreadable)?;
    let admission = Admission {
        scanner_id: agent.scanner_id(),
        now: agent.server_now(),
        job_id: claimed.job_id,
        lease_attempt: claimed.lease_attempt,
        remembered_attempt: remembered.map(|memory| memory.lease_attempt),
    };
    spec.admit(&admission).map_err(|error| error.to_string())?;
    let space = spec.index_space().map_err(|error| error.to_string())?;
    let exclusions = Exclusions::new(spec.exclusions.clone());
    for target in &spec.targets {
        agent.guard.check(target, &exclusions).map_err(|refusal| refusal.to_string())?;
    }
    if claimed.resume_index > space.count() {
        return Err(format!("resumeIndex {} lies behind the last index", claimed.resume_index));
    }
    // From here on this lease attempt cannot be used a second time, whatever happens to this process.
    agent.spool.remember(spec.job_id, claimed.lease_attempt, spec.expires_at).map_err(unreadable)?;
    Ok((spec, space))
}

/// Runs a claimed job to its end.
pub fn run(agent: &Agent, job: &Job, claimed: &ClaimedJob) {
    let asked_at = Instant::now();
    job.leased(asked_at, claimed.lease_seconds);
    if let Some(reason) = agent.clock_error() {
        // Not the job's fault: it is as good as before once the clock is right.
        tracing::warn!(job.id = %job.id, reason, "job handed back");
        job.order(Order::Clock);
        return Keeper::release(agent, job);
    }
    let (spec, space) = match refuse(agent, claimed) {
        Ok(accepted) => accepted,
        Err(reason) => {
            tracing::warn!(job.id = %job.id, reason, "job refused");
            return Keeper::refuse(agent, job, &reason);
        }
    };
    job.set_rate(&spec, claimed.max_probes_per_second);
    job.exclude(&spec.exclusions);
    job.exclude(&claimed.added_exclusions);
    job.reached(claimed.resume_index);
    tracing::info!(
        job.id = %job.id,
        scan.id = %spec.scan_id,
        lease_attempt = job.lease_attempt,
        resume_index = claimed.resume_index,
        probes = space.count(),
        rate = job.control.pps(),
        "job claimed"
    );
    if !start(agent, job) {
        return;
    }
    let mut keeper = match Keeper::new(agent, job, &spec, &space, claimed.resume_index) {
        Ok(keeper) => keeper,
        Err(error) => return Keeper::refuse(agent, job, &format!("the spool cannot be used: {error}")),
    };
    let mut end = attempt(agent, job, &spec, &space, &mut keeper);
    while end == End::Restart && job.ordered().is_none() {
        job.control.resume();
        end = attempt(agent, job, &spec, &space, &mut keeper);
    }
    keeper.put_away(end);
    tracing::info!(job.id = %job.id, end = ?end, probed_index = job.probed_index(), "job left");
}

/// Tells the server that probing begins. Without its answer nothing is probed.
fn start(agent: &Agent, job: &Job) -> bool {
    let mut backoff = Backoff::default();
    let body = StartRequest { lease_attempt: job.lease_attempt };
    loop {
        let asked_at = Instant::now();
        if job.ordered().is_some() {
            Keeper::release(agent, job);
            return false;
        }
        match agent.api.post::<StartAnswer>(&format!("/scanner/jobs/{}/start", job.id), &body) {
            Ok(answer) => {
                job.leased(asked_at, answer.lease_seconds);
                job.obey(answer.directive);
                return true;
            }
            Err(error) => {
                tracing::warn!(job.id = %job.id, %error, "start failed");
                if matches!(error.code(), Some(Code::JobEnded | Code::JobNotFound)) {
                    agent.drop_parts(job.id);
                }
                if error.action() == Action::Stop || !job.control.may_probe(Instant::now()) {
                    return false;
                }
                agent.refused(&error);
                agent.sleep(backoff.pause(&*agent.entropy, error.retry_after()));
            }
        }
    }
}

/// Probes in one thread, keeps the lease and hands in the parts in this one.
fn attempt(agent: &Agent, job: &Job, spec: &Spec, space: &IndexSpace, keeper: &mut Keeper<'_>) -> End {
    let (drafts, inbox) = mpsc::sync_channel(DRAFTS);
    let from = keeper.probe_from();
    std::thread::scope(|scope| {
        let engine = std::thread::Builder::new().name(format!("engine-{}", job.id)).spawn_scoped(scope, move || {
            let settings = Settings {
                windows: Arc::clone(&agent.windows),
                per_host_pps: spec.per_host_pps,
                shared: agent.cap.clone(),
                votes: spec.votes,
            };
            let mut work = JobWork::new(job, space, &*agent.clock, from, drafts);
            let ended = Engine::new(settings).and_then(|mut engine| {
                let ended = engine.run(&mut work, &job.control);
                let stats = engine.stats();
                tracing::info!(
                    job.id = %job.id,
                    connects = stats.connects,
                    retries = stats.retries,
                    faults = stats.faults,
                    late_wakeups = stats.late_wakeups,
                    self_connects = stats.self_connects,
                    "engine stopped"
                );
                ended
            });
            work.finish();
            ended
        });
        let Ok(engine) = engine else { return End::Failed };
        let end = keeper.keep(&inbox);
        job.control.stop();
        keeper.drain(&inbox, end);
        drop(inbox);
        match engine.join() {
            Ok(Ok(Ended::Finished | Ended::Stopped)) => end,
            Ok(Err(error)) => {
                tracing::error!(job.id = %job.id, %error, "engine failed");
                end
            }
            Err(_) => {
                tracing::error!(job.id = %job.id, "engine panicked");
                end
            }
        }
    })
}
