//! Scanners that follow a script: enrol, send heartbeats, wait for jobs, hand in a part, complete.
//!
//! A thread each, most of which sleep in a long poll all the time, as the sockets of real scanners would.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mipo_domain::hash::Hash256;
use mipo_protocol::messages::{
    ClaimedJob, CompleteRequest, CompleteStatus, HeartbeatRequest, ProgressRequest, ProvisionAnswer, ProvisionRequest,
    RunningJob, StartRequest,
};
use mipo_protocol::part::{DefaultState, Part};
use mipo_protocol::spec::Spec;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::Agent;

use crate::actor::payload::nanos;

const HEARTBEAT: Duration = Duration::from_secs(60);
/// Seconds that a claim waits.
const WAIT: u32 = 25;
/// A thread does little.
const STACK: usize = 256 << 10;
/// Longer than any answer may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long the nodes may take to their first answer.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// Calls whose time is kept; a claim is judged by its delivery instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Each minute.
    Heartbeat,
    /// Of a job.
    Start,
    /// Of a job, once.
    Progress,
    /// One part with everything.
    Results,
    /// Of a job.
    Complete,
}

/// What all of them did.
#[derive(Debug, Default)]
pub struct Fleet {
    stopping: AtomicBool,
    measuring: AtomicBool,
    completed: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    took: BTreeMap<Call, Vec<f64>>,
    delivered: Vec<(i64, u64)>,
    errors: Vec<String>,
}

impl Fleet {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, everything is kept.
    pub fn measure_from_now(&self) {
        self.measuring.store(true, Ordering::Relaxed);
    }

    /// Everybody goes home after the call that is under way.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Jobs that were completed.
    pub fn completed(&self) -> u64 {
        self.completed.load(Ordering::Relaxed)
    }

    /// Milliseconds of each call, sorted.
    pub fn took(&self) -> BTreeMap<Call, Vec<f64>> {
        let mut took = self.kept().took.clone();
        for values in took.values_mut() {
            values.sort_by(f64::total_cmp);
        }
        took
    }

    /// Which job arrived when, in nanoseconds since 1970.
    pub fn delivered(&self) -> Vec<(i64, u64)> {
        self.kept().delivered.clone()
    }

    /// Calls that failed.
    pub fn errors(&self) -> Vec<String> {
        self.kept().errors.clone()
    }

    fn stopped(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// Enrols a scanner for each token, taking turns at the nodes, and lets all of them work.
pub fn enlist(fleet: &Arc<Fleet>, nodes: &[String; 2], tokens: Vec<String>) -> Result<Vec<JoinHandle<()>>, String> {
    let mut threads = Vec::with_capacity(tokens.len());
    let count = tokens.len();
    for (number, token) in tokens.into_iter().enumerate() {
        let mut scanner = Scanner::new(Arc::clone(fleet), nodes[number % nodes.len()].clone());
        scanner.enrol(&token)?;
        // Spread over the minute, as a fleet is.
        let first = HEARTBEAT.mul_f64(number as f64 / count as f64);
        let thread = thread::Builder::new().stack_size(STACK).spawn(move || scanner.work(first));
        threads.push(thread.map_err(|error| error.to_string())?);
    }
    Ok(threads)
}

struct Scanner {
    fleet: Arc<Fleet>,
    agent: Agent,
    base: String,
    key: String,
}

impl Scanner {
    fn new(fleet: Arc<Fleet>, base: String) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT));
        let agent = config.max_idle_connections(1).max_idle_connections_per_host(1).build().into();
        Self { fleet, agent, base, key: String::new() }
    }

    fn enrol(&mut self, token: &str) -> Result<(), String> {
        let request = ProvisionRequest {
            token: token.to_owned(),
            hostname: "bench".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            platform: "linux".to_owned(),
            arch: "amd64".to_owned(),
            binary_sha256: Hash256::of(b"bench"),
        };
        let until = Instant::now() + STARTS_WITHIN;
        loop {
            match self.post::<ProvisionAnswer>("/scanner/provision", &request) {
                Ok(answer) => {
                    self.key = answer.api_key;
                    break;
                }
                Err(error) if Instant::now() > until => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(200)),
            }
        }
        self.heartbeat(None)
    }

    fn work(mut self, first: Duration) {
        let mut heartbeat_at = Instant::now() + first;
        while !self.fleet.stopped() {
            if Instant::now() >= heartbeat_at {
                heartbeat_at += HEARTBEAT;
                let done = self.timed(Call::Heartbeat, |scanner| scanner.heartbeat(None));
                self.note(done);
            }
            let claimed = self.claim();
            let done = claimed.and_then(|jobs| jobs.iter().try_for_each(|job| self.run(job)));
            self.note(done);
        }
    }

    fn note(&self, done: Result<(), String>) {
        if let Err(error) = done
            && !self.fleet.stopped()
        {
            self.fleet.kept().errors.push(error);
            thread::sleep(Duration::from_secs(1));
        }
    }

    fn timed<T>(&mut self, call: Call, act: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        let begun = Instant::now();
        let done = act(self)?;
        if self.fleet.measuring.load(Ordering::Relaxed) {
            let took = begun.elapsed().as_secs_f64() * 1e3;
            self.fleet.kept().took.entry(call).or_default().push(took);
        }
        Ok(done)
    }

    fn heartbeat(&mut self, running: Option<RunningJob>) -> Result<(), String> {
        let request = HeartbeatRequest {
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            hostname: Some("bench".to_owned()),
            running_jobs: Some(running.into_iter().collect()),
            ..HeartbeatRequest::default()
        };
        self.post::<serde_json::Value>("/scanner/heartbeat", &request).map(|_| ())
    }

    fn claim(&mut self) -> Result<Vec<ClaimedJob>, String> {
        let url = format!("{}/scanner/jobs?wait={WAIT}&max=1&holding=", self.base);
        let answer = self.agent.get(url).header("x-api-key", &self.key).call();
        let jobs: Vec<ClaimedJob> = read("claim", answer)?;
        let at = nanos();
        self.fleet.kept().delivered.extend(jobs.iter().map(|job| (job.job_id.get(), at)));
        Ok(jobs)
    }

    fn run(&mut self, job: &ClaimedJob) -> Result<(), String> {
        let spec: Spec = serde_json::from_slice(&job.spec.0).map_err(|error| format!("spec: {error}"))?;
        let probes = spec.targets.iter().map(mipo_domain::targets::Target::probe_count).sum::<u128>();
        let probes = u64::try_from(probes).map_err(|error| error.to_string())?;
        let path = format!("/scanner/jobs/{}", job.job_id);
        let lease_attempt = job.lease_attempt;
        self.timed(Call::Start, |scanner| {
            scanner.post::<serde_json::Value>(&format!("{path}/start"), &StartRequest { lease_attempt })
        })?;
        self.timed(Call::Progress, |scanner| {
            let request = ProgressRequest { lease_attempt, probed_index: probes, result_count: 0 };
            scanner.post::<serde_json::Value>(&format!("{path}/progress"), &request)
        })?;
        let part = Part {
            lease_attempt,
            seq: 0,
            from_index: job.resume_index,
            to_index: probes,
            default_state: DefaultState::Closed,
            hosts: Vec::new(),
        };
        self.timed(Call::Results, |scanner| scanner.hand_in(&format!("{path}/results"), &part))?;
        self.timed(Call::Complete, |scanner| {
            let request = CompleteRequest {
                lease_attempt,
                status: CompleteStatus::Completed,
                result_count: 0,
                last_seq: 0,
                probes_attempted: probes,
                result_hash: None,
                error_message: None,
            };
            scanner.post::<serde_json::Value>(&format!("{path}/complete"), &request)
        })?;
        self.fleet.completed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn hand_in(&self, path: &str, part: &Part) -> Result<(), String> {
        let bytes = part.to_bytes();
        let request = self.agent.post(format!("{}{path}", self.base)).header("x-api-key", &self.key);
        let request = request.header("x-mipo-part-sha256", Hash256::of(&bytes).to_string());
        read::<serde_json::Value>(path, request.send(&bytes[..])).map(|_| ())
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, String> {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        if !self.key.is_empty() {
            request = request.header("x-api-key", &self.key);
        }
        read(path, request.send_json(body))
    }
}

fn read<T: DeserializeOwned>(
    what: &str,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<T, String> {
    let mut answer = answer.map_err(|error| format!("{what}: {error}"))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(format!("{what}: {status} {}", answer.body_mut().read_to_string().unwrap_or_default()));
    }
    answer.body_mut().read_json().map_err(|error| format!("{what}: {error}"))
}
