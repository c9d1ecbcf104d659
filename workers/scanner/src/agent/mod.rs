//! `mipo-scanner run`: works for a server until it is told to end.
//!
//! Threads: [`heartbeat`], [`claims`], and two a job: its engine, and its [`keeper`], which talks to the server.
pub mod api;
pub mod backoff;
pub mod claims;
pub mod enrol;
pub mod heartbeat;
pub mod job;
pub mod keeper;
pub mod keyfile;
pub mod metrics;
pub mod parts;
pub mod spool;
pub mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use mipo_domain::clock::Clock;
use mipo_domain::entropy::Entropy;
use mipo_domain::ids::{ScanJobId, ScannerId};
use mipo_protocol::messages::RunningJob;
use mipo_protocol::problem::Action;
use mipo_protocol::signature::PublicKey;
use mipo_protocol::wire::CLOCK_ERROR_SECONDS;

use crate::cli::{RunArgs, RunOptions, default_key_file, default_spool_dir};
use crate::engine::pacing::SharedBucket;
use crate::engine::window::Windows;
use crate::guard::Guard;
use api::{Api, CallError};
use job::{Job, Order};
use keyfile::KeyFile;
use spool::Spool;

/// How long the agent waits for its jobs when it goes down.
const FAREWELL: Duration = Duration::from_secs(15);

/// What all threads of the agent share.
pub struct Agent {
    /// The server.
    pub api: Api,
    /// This machine's time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// What is never probed.
    pub guard: Guard,
    /// What outlives the process.
    pub spool: Spool,
    /// What may be under way.
    pub windows: Arc<Windows>,
    /// The local cap of the rate.
    pub cap: Option<Arc<SharedBucket>>,
    server: String,
    key_path: PathBuf,
    key_file: Mutex<KeyFile>,
    jobs: Mutex<BTreeMap<ScanJobId, Arc<Job>>>,
    changed: Condvar,
    going_down: AtomicBool,
    draining: AtomicBool,
    /// Server time minus own time, once known.
    skew: Mutex<Option<chrono::Duration>>,
}

impl Agent {
    /// An agent that has not begun.
    pub fn new(options: RunOptions, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self, String> {
        let key_path = options.key_file.unwrap_or_else(default_key_file);
        let key_file = KeyFile::load(&key_path)?;
        let server = options.server.unwrap_or_else(|| key_file.server.clone());
        let ca_file = options.ca_file.or_else(|| key_file.ca_file.clone());
        let api = Api::new(&server, Some(key_file.api_key.clone()), ca_file.as_deref())?;
        let guard = Guard::load(&options.allow, options.deny_file.as_deref(), options.allow_file.as_deref())?;
        let root = options.spool_dir.unwrap_or_else(|| default_spool_dir(&key_path));
        let at = |error: std::io::Error| format!("{}: {error}", root.display());
        let spool = Spool::open(&root).map_err(at)?;
        spool.sweep(clock.now()).map_err(at)?;
        let cap = options.max_rate.filter(|pps| *pps > 0).map(|pps| Arc::new(SharedBucket::new(f64::from(pps))));
        Ok(Self {
            api,
            clock,
            entropy,
            guard,
            spool,
            windows: Arc::new(Windows::of_this_process(options.max_memory)),
            cap,
            server,
            key_path,
            key_file: Mutex::new(key_file),
            jobs: Mutex::default(),
            changed: Condvar::new(),
            going_down: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            skew: Mutex::new(None),
        })
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<ScanJobId, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key_file(&self) -> MutexGuard<'_, KeyFile> {
        self.key_file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of the server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// This scanner.
    pub fn scanner_id(&self) -> ScannerId {
        self.key_file().scanner_id
    }

    /// The keys whose signatures count.
    pub fn pinned_keys(&self) -> Vec<PublicKey> {
        self.key_file().pinned()
    }

    /// Changes the key file, on disk first.
    pub fn change_key_file(&self, change: impl FnOnce(&mut KeyFile)) -> Result<(), String> {
        let mut current = self.key_file();
        let mut next = current.clone();
        change(&mut next);
        next.save(&self.key_path)?;
        *current = next;
        Ok(())
    }

    /// Looks for a new key when the server does not know this one: `enrol` may have written it meanwhile.
    pub fn refused(&self, error: &CallError) {
        if error.action() != Action::Reprovision {
            return;
        }
        match KeyFile::load(&self.key_path) {
            Ok(file) => {
                let mut current = self.key_file();
                if file.api_key == current.api_key {
                    tracing::error!("the server does not accept this scanner's key; enrol it anew with a fresh token");
                } else {
                    tracing::info!("the key file holds a new key");
                    self.api.set_key(file.api_key.clone());
                    *current = file;
                }
            }
            Err(error) => tracing::error!(%error, "the server does not accept this scanner's key"),
        }
    }

    /// A job in hand.
    pub fn job(&self, id: ScanJobId) -> Option<Arc<Job>> {
        self.jobs().get(&id).cloned()
    }

    /// Takes a job in hand.
    pub fn add(&self, job: Arc<Job>) {
        self.jobs().insert(job.id, job);
    }

    /// Lets a job go.
    pub fn remove(&self, job: &Arc<Job>) {
        let mut jobs = self.jobs();
        if jobs.get(&job.id).is_some_and(|held| Arc::ptr_eq(held, job)) {
            jobs.remove(&job.id);
        }
        self.changed.notify_all();
    }

    /// Every job in hand.
    pub fn holding(&self) -> Vec<RunningJob> {
        let running = |job: &Arc<Job>| RunningJob { job_id: job.id, lease_attempt: job.lease_attempt };
        self.jobs().values().map(running).collect()
    }

    /// The longest delay that an engine suffered since the last call.
    pub fn late(&self) -> Duration {
        let millis = self.jobs().values().map(|job| job.control.take_late_ms()).max();
        Duration::from_millis(millis.unwrap_or(0))
    }

    /// Deletes the parts of a job that nobody wants.
    pub fn drop_parts(&self, job: ScanJobId) {
        if let Err(error) = self.spool.clear(job) {
            tracing::warn!(job.id = %job, %error, "parts could not be deleted");
        }
    }

    /// The server told its time in an answer to a question asked at `asked_at`.
    pub fn heard_time(&self, asked_at: DateTime<Utc>, server_time: DateTime<Utc>) {
        let now = self.clock.now();
        // Somewhere between question and answer; the nearer end is believed.
        let skew = if server_time < asked_at {
            server_time - asked_at
        } else if server_time > now {
            server_time - now
        } else {
            chrono::Duration::zero()
        };
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(skew);
    }

    /// Whether the server has told its time yet.
    pub fn knows_the_time(&self) -> bool {
        self.skew.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The server's time, as well as it is known here.
    pub fn server_now(&self) -> DateTime<Utc> {
        let skew = *self.skew.lock().unwrap_or_else(PoisonError::into_inner);
        self.clock.now() + skew.unwrap_or_default()
    }

    /// What is wrong with this machine's clock, if it is so wrong that no job is started.
    pub fn clock_error(&self) -> Option<String> {
        let skew = (*self.skew.lock().unwrap_or_else(PoisonError::into_inner))?;
        let seconds = skew.num_seconds();
        let (late, word) = if seconds > 0 { (seconds, "behind") } else { (-seconds, "ahead of") };
        (late > CLOCK_ERROR_SECONDS)
            .then(|| format!("the scanner's clock is {late} s {word} the server's; it starts no job until it is right"))
    }

    /// What the next heartbeat complains about.
    pub fn last_error(&self) -> Option<String> {
        self.clock_error()
    }

    /// The server gives no new jobs for a while.
    pub fn set_draining(&self, draining: bool) {
        self.draining.store(draining, Ordering::Relaxed);
    }

    /// See [`Agent::set_draining`].
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whether the agent was told to end.
    pub fn is_going_down(&self) -> bool {
        self.going_down.load(Ordering::Relaxed)
    }

    /// Tells every job to hand in what it has and to let go.
    pub fn go_down(&self) {
        self.going_down.store(true, Ordering::Relaxed);
        for job in self.jobs().values() {
            job.order(Order::Shutdown);
        }
        self.changed.notify_all();
    }

    /// Sleeps, but not beyond the order to end.
    pub fn sleep(&self, duration: Duration) {
        let until = Instant::now() + duration;
        let mut jobs = self.jobs();
        while !self.is_going_down() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            jobs = self.changed.wait_timeout(jobs, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until no job is in hand.
    fn wait_for_jobs(&self) {
        let until = Instant::now() + FAREWELL;
        let mut jobs = self.jobs();
        while !jobs.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return tracing::warn!("some jobs did not end in time; their parts are in the spool");
            }
            jobs = self.changed.wait_timeout(jobs, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Works until a signal comes. The first one hands everything back, the second one ends at once.
pub fn run(args: RunArgs, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<(), String> {
    let agent = Arc::new(Agent::new(args.merged()?, clock, entropy)?);
    let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM])
        .map_err(|error| format!("signals: {error}"))?;
    let spawn = |name: &str, work: fn(&Arc<Agent>)| {
        let agent = Arc::clone(&agent);
        let builder = std::thread::Builder::new().name(name.to_owned());
        builder.spawn(move || work(&agent)).map_err(|error| format!("no thread: {error}"))
    };
    spawn("heartbeat", |agent| heartbeat::run(agent))?;
    spawn("claims", claims::run)?;
    tracing::info!(server = agent.server(), scanner.id = %agent.scanner_id(), version = crate::cli::VERSION, "scanner runs");
    let handle = signals.handle();
    let mut waiting = signals.forever();
    waiting.next();
    tracing::info!("going down");
    agent.go_down();
    let farewell = {
        let agent = Arc::clone(&agent);
        std::thread::spawn(move || agent.wait_for_jobs())
    };
    // A second signal must be heard while the jobs end.
    std::thread::spawn(move || {
        let _ = farewell.join();
        handle.close();
    });
    if waiting.next().is_some() {
        return Err("ended at once by a second signal; parts not handed in are in the spool".to_owned());
    }
    Ok(())
}
