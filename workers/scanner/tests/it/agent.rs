//! The agent, as a process of its own, against the small server.
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command};

use chrono::Duration;
use mipo_domain::address::{IpRange, IpSet};
use mipo_domain::clock::Clock;
use mipo_domain::exclusions::Exclusion;
use mipo_domain::ids::{ScanId, ScanJobId};
use mipo_domain::permutation::Seed;
use mipo_domain::ports::PortSet;
use mipo_domain::states::JobKind;
use mipo_domain::targets::Target;
use mipo_protocol::messages::{CompleteStatus, Directive};
use mipo_protocol::part::Verdict;
use mipo_protocol::signature::KeyId;
use mipo_protocol::spec::{Spec, Votes};
use mipo_scanner::agent::keyfile::KeyFile;
use mipo_scanner::system::SystemClock;
use rustix::process::{Pid, Signal, kill_process};

use crate::listeners::open;
use crate::server::{FakeJob, Server, Stage};

/// An enrolled scanner and its folder.
pub struct Scanner {
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Scanner {
    /// Enrols at the server with its one-time token.
    pub fn enrolled(server: &Server) -> Self {
        let scanner = Self { folder: tempfile::tempdir().unwrap(), child: None };
        let output = Command::new(env!("CARGO_BIN_EXE_mipo-scanner"))
            .args(["enrol", "--server", &server.url(), "--token", "mipo_pt_test", "--key-file"])
            .arg(scanner.key_file())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        scanner
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("key.json")
    }

    pub fn run(&mut self) {
        self.run_with(&["--allow", "127.0.0.0/8"]);
    }

    pub fn run_with(&mut self, arguments: &[&str]) {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_mipo-scanner"))
            .args(["run", "--key-file"])
            .arg(self.key_file())
            .args(arguments)
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.child.as_ref().unwrap()), signal).unwrap();
    }

    /// Waits for its end and answers with its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.take().unwrap().wait().unwrap().code()
    }

    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("{}", std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
        }
    }
}

/// A job over `ports` of one address, at `pps`.
pub fn sweep(id: i64, ip: &str, ports: (u16, u16), pps: u32) -> Spec {
    let addresses: IpSet = [IpRange::parse(ip).unwrap()].into_iter().collect();
    let now = SystemClock.now();
    Spec {
        v: 1,
        key_id: KeyId(String::new()),
        job_id: ScanJobId::from(id),
        scan_id: ScanId::from(1),
        kind: JobKind::Sweep,
        scanner_id: uuid::Uuid::from_u128(7).into(),
        min_attempt: 1,
        targets: vec![Target::tcp(&addresses, PortSet::from_ranges([ports]))],
        exclusions: Vec::new(),
        rate_pps: pps,
        per_host_pps: 0,
        seed: Seed([3; 16]),
        not_before: now,
        expires_at: now + Duration::hours(24),
        votes: None,
    }
}

/// The ports with a verdict.
pub fn ports_with(job: &FakeJob, verdict: Verdict) -> BTreeSet<u16> {
    let with = job.verdicts.iter().filter(|(_, found)| **found == verdict);
    with.map(|(index, _)| job.space.probe_at(*index).unwrap().port).collect()
}

/// Everything was accepted once, and our listeners are open.
pub fn assert_whole(server: &Server, id: ScanJobId, ours: &BTreeSet<u16>) {
    let state = server.state();
    let job = &state.jobs[&id];
    assert_eq!(job.verdicts.len() as u64, job.space.count(), "{:?}", job.parts);
    assert!(job.parts.windows(2).all(|pair| pair[0].3 == pair[1].2), "{:?}", job.parts);
    assert!(ours.is_subset(&ports_with(job, Verdict::Open)));
    assert_eq!(ports_with(job, Verdict::Error), BTreeSet::new());
}

#[test]
fn enrols_works_through_a_job_and_tells_how_it_does() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    let mode = std::fs::metadata(scanner.key_file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = Command::new(env!("CARGO_BIN_EXE_mipo-scanner"))
        .args(["enrol", "--server", &server.url(), "--token", "mipo_pt_test", "--key-file"])
        .arg(scanner.key_file())
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(1), "a token works once");
    let (_listeners, ours) = open("127.79.1.1", 10);
    let id = server.add(sweep(1, "127.79.1.1", (1, 65_535), 0));
    scanner.run();
    let complete = server.completed(id);
    assert_eq!(complete.status, CompleteStatus::Completed);
    assert_whole(&server, id, &ours);
    let state = server.state();
    assert_eq!(complete.probes_attempted, 65_535);
    assert_eq!(complete.result_count, ports_with(&state.jobs[&id], Verdict::Open).len() as u64);
    let beat = &state.heartbeats[0];
    let metrics = beat.metrics.as_ref().unwrap();
    assert!(metrics.load_avg1m.is_some() && metrics.memory_total_bytes > metrics.memory_available_bytes);
    assert!(metrics.network_rx_bytes.is_some() && metrics.num_cpus > Some(0));
    assert_eq!(beat.internal_ip, Some(IpAddr::from([127, 0, 0, 1])));
    assert_eq!(beat.version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
}

#[test]
fn several_jobs_run_side_by_side() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    let (_listeners, ours) = open("127.79.2.1", 4);
    let ids: Vec<ScanJobId> = (1..=3).map(|id| server.add(sweep(id, "127.79.2.1", (32_000, 61_000), 15_000))).collect();
    scanner.run();
    server.until("all at once", |state| state.jobs.values().all(|job| job.stage == Stage::Running).then_some(()));
    for id in ids {
        server.completed(id);
        assert_whole(&server, id, &ours);
    }
}

#[test]
fn a_killed_scanner_hands_in_its_spool_and_goes_on() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    let (_listeners, ours) = open("127.79.3.1", 10);
    server.state().results_away = true;
    let id = server.add(sweep(1, "127.79.3.1", (32_000, 61_000), 10_000));
    scanner.run();
    // The first part is on disk, and refused for now.
    server.until("a refused part", |state| {
        state.calls.iter().any(|(path, code)| path.ends_with("results") && *code == 503).then_some(())
    });
    scanner.kill();
    server.state().results_away = false;
    scanner.run();
    server.completed(id);
    assert_whole(&server, id, &ours);
    let state = server.state();
    assert!(state.jobs[&id].parts.iter().all(|(attempt, ..)| *attempt == 2), "{:?}", state.jobs[&id].parts);
    assert_eq!(state.jobs[&id].parts[0].1, 0);
    let spool = scanner.key_file().with_file_name("spool").join("job-1");
    let left: Vec<_> = std::fs::read_dir(spool).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["memory.json"], "accepted parts leave the spool, the memory of the attempt stays");
}

#[test]
fn an_order_to_end_gives_the_job_back_with_its_verdicts() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    let (_listeners, ours) = open("127.79.4.1", 10);
    let id = server.add(sweep(1, "127.79.4.1", (32_000, 61_000), 10_000));
    scanner.run();
    server.until("a part", |state| (state.jobs[&id].resume_index > 0).then_some(()));
    scanner.signal(Signal::TERM);
    assert_eq!(scanner.wait(), Some(0));
    {
        let mut state = server.state();
        let job = state.jobs.get_mut(&id).unwrap();
        assert_eq!(job.stage, Stage::Released("shutdown".to_owned()));
        assert!(job.resume_index < 29_001);
        job.stage = Stage::Pending;
    }
    scanner.run();
    server.completed(id);
    assert_whole(&server, id, &ours);
}

#[test]
fn pause_and_stop_are_obeyed() {
    for (directive, reason) in [(Directive::Pause, "pause"), (Directive::Stop, "stop")] {
        let server = Server::start();
        let mut scanner = Scanner::enrolled(&server);
        let id = server.add(sweep(1, "127.79.5.1", (1, 65_535), 5_000));
        scanner.run();
        server.until("a part", |state| (state.jobs[&id].resume_index > 0).then_some(()));
        server.state().jobs.get_mut(&id).unwrap().directive = directive;
        let stage = server.until("a release", |state| {
            Some(state.jobs[&id].stage.clone()).filter(|stage| matches!(stage, Stage::Released(_)))
        });
        assert_eq!(stage, Stage::Released(reason.to_owned()));
        assert!(server.state().jobs[&id].resume_index < 65_535);
    }
}

#[test]
fn exclusions_and_rates_that_come_later_count_at_once() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    let (_listeners, ours) = open("127.79.6.1", 10);
    let hidden = *ours.first().unwrap();
    let mut spec = sweep(1, "127.79.6.1", (1, 65_535), 0);
    spec.exclusions =
        vec![Exclusion { cidr: "127.79.6.1/32".parse().unwrap(), ports: PortSet::from_ranges([(1, 9_999)]) }];
    let id = server.add(spec);
    {
        let mut state = server.state();
        let job = state.jobs.get_mut(&id).unwrap();
        job.added =
            vec![Exclusion { cidr: "127.79.6.0/24".parse().unwrap(), ports: PortSet::from_ranges([(hidden, hidden)]) }];
        job.pps = 30_000;
    }
    scanner.run();
    let complete = server.completed(id);
    assert_eq!(complete.probes_attempted, 65_535 - 9_999 - 1);
    let state = server.state();
    let job = &state.jobs[&id];
    assert_eq!(job.verdicts.len(), 65_535 - 9_999 - 1);
    assert!(!ports_with(job, Verdict::Open).contains(&hidden));
}

#[test]
fn a_confirm_job_brings_votes() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    let (_listeners, ours) = open("127.79.7.1", 1);
    let port = *ours.first().unwrap();
    let mut spec = sweep(1, "127.79.7.1", (port, port), 0);
    spec.kind = JobKind::Confirm;
    spec.votes = Some(Votes { need: 2, of: 3, spacing_ms: 200 });
    let id = server.add(spec);
    scanner.run();
    server.completed(id);
    assert_whole(&server, id, &ours);
}

#[test]
fn the_key_is_rotated_when_the_server_asks() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    server.state().rotate = true;
    scanner.run();
    server.until("a heartbeat with the new key", |state| {
        let rotated = state.calls.iter().position(|(path, _)| path == "/scanner/key/rotate")?;
        state.calls[rotated..].iter().any(|(path, code)| path == "/scanner/heartbeat" && *code == 200).then_some(())
    });
    assert!(KeyFile::load(&scanner.key_file()).unwrap().api_key == "mipo_sk_second");
}

#[test]
fn a_scanner_enrolled_anew_goes_on_without_a_restart() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    scanner.run();
    server.until("a heartbeat", |state| (!state.heartbeats.is_empty()).then_some(()));
    server.state().api_key = "mipo_sk_third".to_owned();
    server.until("a refusal", |state| state.calls.iter().any(|(_, code)| *code == 401).then_some(()));
    let mut key = KeyFile::load(&scanner.key_file()).unwrap();
    key.api_key = "mipo_sk_third".to_owned();
    key.save(&scanner.key_file()).unwrap();
    let before = server.state().heartbeats.len();
    server.until("a heartbeat with the new key", |state| (state.heartbeats.len() > before).then_some(()));
}
