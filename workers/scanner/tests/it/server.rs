//! A small server that speaks the protocol, and misbehaves when told to.
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use flate2::read::GzDecoder;
use mipo_domain::clock::Clock;
use mipo_domain::exclusions::{Exclusion, Exclusions};
use mipo_domain::hash::Hash256;
use mipo_domain::ids::{ScanJobId, ScannerId};
use mipo_domain::states::JobStatus;
use mipo_domain::targets::IndexSpace;
use mipo_protocol::messages::{
    ClaimedJob, CompleteAnswer, CompleteRequest, Directive, HeartbeatAnswer, HeartbeatRequest, JobDirective,
    ProgressAnswer, ProgressRequest, ProvisionAnswer, ProvisionRequest, ReleaseRequest, ResultsAnswer, RotateAnswer,
    StartAnswer, StartRequest,
};
use mipo_protocol::part::{Part, Verdict};
use mipo_protocol::part_check;
use mipo_protocol::problem::{Code, Problem};
use mipo_protocol::signature::{RotatedKey, SigningKey};
use mipo_protocol::spec::{SignedSpec, Spec};
use mipo_scanner::system::SystemClock;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::coverage::read;

/// How long a claim waits here.
pub const POLL: Duration = Duration::from_millis(700);

/// Where a job is.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    Pending,
    Assigned,
    Running,
    Released(String),
    Complete(CompleteRequest),
}

/// A job of the server.
pub struct FakeJob {
    pub signed: SignedSpec,
    pub spec: Spec,
    pub space: IndexSpace,
    pub stage: Stage,
    pub attempt: u32,
    pub resume_index: u64,
    pub verdicts: BTreeMap<u64, Verdict>,
    /// Every accepted part: attempt, seq, from, to.
    pub parts: Vec<(u32, u32, u64, u64)>,
    pub hashes: BTreeMap<(u32, u32), String>,
    pub directive: Directive,
    pub added: Vec<Exclusion>,
    pub progress: Vec<ProgressRequest>,
    pub pps: u32,
}

impl FakeJob {
    fn next_seq(&self) -> u32 {
        self.parts.iter().filter(|(attempt, ..)| *attempt == self.attempt).count() as u32
    }

    /// Forgets everything that was accepted after `index`, as a server restored from a backup would.
    pub fn forget(&mut self) {
        self.parts.clear();
        self.hashes.clear();
        self.verdicts.clear();
        self.resume_index = 0;
    }
}

/// What the server knows.
pub struct State {
    pub signing: SigningKey,
    pub scanner_id: ScannerId,
    pub token: Option<String>,
    pub api_key: String,
    pub jobs: BTreeMap<ScanJobId, FakeJob>,
    pub heartbeats: Vec<HeartbeatRequest>,
    /// Server time minus real time.
    pub skew: chrono::Duration,
    pub rotate: bool,
    /// Job keys that every heartbeat is told of.
    pub announced: Vec<RotatedKey>,
    pub lease_seconds: u32,
    /// Results are answered with 503.
    pub results_away: bool,
    /// Every call breaks off.
    pub down: bool,
    /// Every call and its status.
    pub calls: Vec<(String, u16)>,
}

/// The server.
pub struct Server {
    pub port: u16,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
}

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            signing: SigningKey::from_seed(&[5; 32]),
            scanner_id: uuid::Uuid::from_u128(7).into(),
            token: Some("mipo_pt_test".to_owned()),
            api_key: "mipo_sk_first".to_owned(),
            jobs: BTreeMap::new(),
            heartbeats: Vec::new(),
            skew: chrono::Duration::zero(),
            rotate: false,
            announced: Vec::new(),
            lease_seconds: 120,
            results_away: false,
            down: false,
            calls: Vec::new(),
        }));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, told) = (Arc::clone(&state), Arc::clone(&stop));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                let (state, told) = (Arc::clone(&shared), Arc::clone(&told));
                // A call that breaks off is the client's affair.
                std::thread::spawn(move || drop(serve(&stream, &state, &told)));
            }
        });
        Self { port, state, stop }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Adds a job, signed by the server's key.
    pub fn add(&self, spec: Spec) -> ScanJobId {
        let signed = spec.clone().sign(&self.state().signing);
        self.add_signed(spec, signed)
    }

    /// Adds a job with whatever signature.
    pub fn add_signed(&self, spec: Spec, signed: SignedSpec) -> ScanJobId {
        let id = spec.job_id;
        let space = spec.index_space().unwrap();
        let job = FakeJob {
            signed,
            spec,
            space,
            stage: Stage::Pending,
            attempt: 0,
            resume_index: 0,
            verdicts: BTreeMap::new(),
            parts: Vec::new(),
            hashes: BTreeMap::new(),
            directive: Directive::Continue,
            added: Vec::new(),
            progress: Vec::new(),
            pps: 0,
        };
        self.state().jobs.insert(id, job);
        id
    }

    /// Looks at a job until `ready` has an answer.
    pub fn until<T>(&self, what: &str, mut ready: impl FnMut(&mut State) -> Option<T>) -> T {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(40) {
            if let Some(answer) = ready(&mut self.state()) {
                return answer;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("waited in vain: {what}; calls {:?}", self.state().calls);
    }

    /// Waits for the scanner's last word on a job.
    pub fn completed(&self, id: ScanJobId) -> CompleteRequest {
        self.until("complete", |state| match &state.jobs[&id].stage {
            Stage::Complete(request) => Some(request.clone()),
            _ => None,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// An answer: a status and a body.
type Answer = (u16, Vec<u8>);

fn good(body: &impl Serialize) -> Answer {
    (200, serde_json::to_vec(body).unwrap())
}

fn bad(problem: &Problem) -> Answer {
    (problem.status, serde_json::to_vec(problem).unwrap())
}

fn refuse(code: Code) -> Answer {
    bad(&Problem::new(code, "by the test", "r"))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> T {
    serde_json::from_slice(body).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)))
}

fn serve(stream: &TcpStream, state: &Mutex<State>, stop: &AtomicBool) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (_method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if headers.get("content-encoding").is_some_and(|coding| coding == "gzip") {
        let mut unpacked = Vec::new();
        GzDecoder::new(&body[..]).read_to_end(&mut unpacked)?;
        body = unpacked;
    }
    let lock = || state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let until = Instant::now() + POLL;
    let (status, answer) = loop {
        let mut state = lock();
        if state.down {
            return Ok(());
        }
        let answer = handle(&mut state, path, query, &headers, &body);
        let empty = path == "/scanner/jobs" && answer.1 == b"[]";
        if !empty || Instant::now() > until || stop.load(Ordering::Relaxed) {
            state.calls.push((path.to_owned(), answer.0));
            break answer;
        }
        drop(state);
        std::thread::sleep(Duration::from_millis(20));
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.len()
    );
    (&mut &*stream).write_all(head.as_bytes())?;
    (&mut &*stream).write_all(&answer)
}

fn handle(state: &mut State, path: &str, query: &str, headers: &BTreeMap<String, String>, body: &[u8]) -> Answer {
    if path == "/scanner/provision" {
        let request: ProvisionRequest = parse(body);
        if state.token.take() != Some(request.token) {
            return refuse(Code::TokenInvalid);
        }
        return good(&ProvisionAnswer {
            scanner_id: state.scanner_id,
            name: "hall".to_owned(),
            api_key: state.api_key.clone(),
            job_public_key: state.signing.public().into(),
            heartbeat_seconds: 60,
            server_time: now(),
        });
    }
    if headers.get("x-api-key") != Some(&state.api_key) {
        return refuse(Code::InvalidKey);
    }
    match path {
        "/scanner/heartbeat" => heartbeat(state, parse(body)),
        "/scanner/key/rotate" => {
            state.rotate = false;
            state.api_key = String::from("mipo_sk_second");
            good(&RotateAnswer { api_key: state.api_key.clone() })
        }
        "/scanner/jobs" => claim(state, query),
        _ => {
            let mut words = path.trim_start_matches("/scanner/jobs/").split('/');
            let id: ScanJobId = words.next().unwrap().parse().unwrap();
            job_call(state, id, words.next().unwrap(), headers, body)
        }
    }
}

fn heartbeat(state: &mut State, request: HeartbeatRequest) -> Answer {
    let directives = request
        .running_jobs
        .iter()
        .flatten()
        .map(|running| JobDirective { job_id: running.job_id, directive: state.jobs[&running.job_id].directive });
    let answer = HeartbeatAnswer {
        server_time: now() + state.skew,
        heartbeat_seconds: 1,
        directives: directives.collect(),
        draining: false,
        rotate_key: state.rotate,
        min_version: None,
        job_public_keys: state.announced.clone(),
    };
    state.heartbeats.push(request);
    good(&answer)
}

fn claim(state: &mut State, query: &str) -> Answer {
    let fields: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let holding = fields.get("holding").copied().unwrap_or_default();
    let max: usize = fields["max"].parse().unwrap();
    let mut claimed = Vec::new();
    for (id, job) in &mut state.jobs {
        let held = holding.split(',').any(|held| held == format!("{id}:{}", job.attempt));
        let free = match job.stage {
            Stage::Pending => true,
            Stage::Assigned | Stage::Running => !held,
            _ => false,
        };
        if !free || claimed.len() >= max {
            continue;
        }
        job.attempt += 1;
        job.stage = Stage::Assigned;
        claimed.push(ClaimedJob {
            spec: job.signed.spec.clone(),
            signature: job.signed.signature,
            job_id: *id,
            added_exclusions: job.added.clone(),
            max_probes_per_second: job.pps,
            resume_index: job.resume_index,
            lease_attempt: job.attempt,
            lease_seconds: 60,
            traceparent: None,
        });
    }
    good(&claimed)
}

fn job_call(state: &mut State, id: ScanJobId, call: &str, headers: &BTreeMap<String, String>, body: &[u8]) -> Answer {
    let (lease_seconds, away) = (state.lease_seconds, state.results_away);
    let Some(job) = state.jobs.get_mut(&id) else { return refuse(Code::JobNotFound) };
    let attempt = serde_json::from_slice::<serde_json::Value>(body).unwrap()["leaseAttempt"].as_u64().unwrap();
    if let (Stage::Complete(known), "complete") = (&job.stage, call)
        && *known == parse::<CompleteRequest>(body)
    {
        return good(&CompleteAnswer { final_status: JobStatus::Completed });
    }
    if matches!(job.stage, Stage::Complete(_)) {
        return refuse(Code::JobEnded);
    }
    if attempt != u64::from(job.attempt) || !matches!(job.stage, Stage::Assigned | Stage::Running) {
        return refuse(Code::LeaseLost);
    }
    match call {
        "start" => {
            let _: StartRequest = parse(body);
            job.stage = Stage::Running;
            good(&StartAnswer { lease_seconds, directive: job.directive })
        }
        "progress" => {
            job.progress.push(parse(body));
            good(&ProgressAnswer {
                lease_seconds,
                directive: job.directive,
                added_exclusions: job.added.clone(),
                max_probes_per_second: job.pps,
            })
        }
        "results" if away => refuse(Code::Unavailable),
        "results" => results(job, &headers["x-mipo-part-sha256"], lease_seconds, body),
        "release" => {
            job.stage = Stage::Released(parse::<ReleaseRequest>(body).reason);
            good(&serde_json::json!({}))
        }
        "complete" => {
            let request: CompleteRequest = parse(body);
            if request.last_seq + 1 != i64::from(job.next_seq()) {
                let mut problem = Problem::new(Code::PartsMissing, "by the test", "r");
                (problem.next_seq, problem.resume_index) = (Some(job.next_seq()), Some(job.resume_index));
                return bad(&problem);
            }
            job.stage = Stage::Complete(request);
            good(&CompleteAnswer { final_status: JobStatus::Completed })
        }
        other => panic!("unknown call {other}"),
    }
}

fn results(job: &mut FakeJob, hash: &str, lease_seconds: u32, body: &[u8]) -> Answer {
    assert_eq!(Hash256::of(body).to_string(), hash, "the header is the hash of the unpacked bytes");
    assert_eq!(job.stage, Stage::Running, "no results before the start");
    let mut part: Part = parse(body);
    let conflict = |job: &FakeJob| {
        let mut problem = Problem::new(Code::SeqConflict, "by the test", "r");
        (problem.next_seq, problem.resume_index) = (Some(job.next_seq()), Some(job.resume_index));
        bad(&problem)
    };
    let answer = |job: &FakeJob| {
        good(&ResultsAnswer { accepted: true, next_seq: job.next_seq(), lease_seconds, directive: job.directive })
    };
    match job.hashes.get(&(job.attempt, part.seq)) {
        Some(known) if known == hash => return answer(job),
        Some(_) => return conflict(job),
        None => {}
    }
    if part.seq != job.next_seq() || part.from_index != job.resume_index {
        return conflict(job);
    }
    let exclusions = Exclusions::new(job.spec.exclusions.iter().chain(&job.added).cloned().collect());
    part_check::check(&job.spec, &job.space, &exclusions, &mut part).unwrap();
    for (index, verdict) in read(&part, &job.space) {
        let probe = job.space.probe_at(index).unwrap();
        if !exclusions.covers(probe) {
            assert!(job.verdicts.insert(index, verdict).is_none(), "index {index} came twice");
        }
    }
    job.hashes.insert((job.attempt, part.seq), hash.to_owned());
    job.parts.push((job.attempt, part.seq, part.from_index, part.to_index));
    job.resume_index = part.to_index;
    answer(job)
}
