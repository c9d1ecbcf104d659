//! The server goes away, forgets, takes back; specs that must not be run.
use std::collections::BTreeSet;
use std::time::Duration;

use mipo_domain::exclusions::Exclusion;
use mipo_domain::ports::PortSet;
use mipo_protocol::messages::CompleteStatus;
use mipo_protocol::signature::{Purpose, RotatedKey, SigningKey};
use mipo_protocol::spec::Spec;

use crate::agent::{Scanner, assert_whole, sweep};
use crate::listeners::{Closer, open};
use crate::server::{POLL, Server, Stage};

#[test]
fn a_server_that_goes_away_and_comes_back_loses_nothing() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    let (_listeners, ours) = open("127.80.1.1", 10);
    let id = server.add(sweep(1, "127.80.1.1", (32_000, 61_000), 7_000));
    scanner.run();
    for _ in 0..2 {
        let before = server.state().jobs[&id].resume_index;
        server.until("a part", |state| (state.jobs[&id].resume_index > before || before == 29_001).then_some(()));
        server.state().down = true;
        std::thread::sleep(Duration::from_millis(1_200));
        server.state().down = false;
    }
    server.completed(id);
    assert_whole(&server, id, &ours);
    assert_eq!(server.state().jobs[&id].attempt, 1, "a short absence does not cost the lease");
}

#[test]
fn a_job_that_was_taken_back_is_claimed_anew_and_its_spool_is_used() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    let (_listeners, ours) = open("127.80.2.1", 10);
    let id = server.add(sweep(1, "127.80.2.1", (32_000, 61_000), 8_000));
    scanner.run();
    server.until("a part", |state| (state.jobs[&id].resume_index > 0).then_some(()));
    // The lease ends on the server: the next call of the old attempt is refused.
    {
        let mut state = server.state();
        let job = state.jobs.get_mut(&id).unwrap();
        job.stage = Stage::Pending;
    }
    server.completed(id);
    assert_whole(&server, id, &ours);
    assert!(server.state().jobs[&id].attempt >= 2);
}

#[test]
fn a_server_that_forgot_parts_gets_them_again() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    let (_listeners, ours) = open("127.80.3.1", 10);
    let id = server.add(sweep(1, "127.80.3.1", (32_000, 61_000), 10_000));
    scanner.run();
    server.until("a part", |state| (state.jobs[&id].resume_index > 0).then_some(()));
    server.state().jobs.get_mut(&id).unwrap().forget();
    server.completed(id);
    assert_whole(&server, id, &ours);
}

/// What `count` says once it has said the same for two seconds.
fn at_rest(count: impl Fn() -> usize) -> usize {
    let (mut last, mut same) = (count(), 0);
    while same < 20 {
        std::thread::sleep(Duration::from_millis(100));
        let now = count();
        same = if now == last && now > 0 { same + 1 } else { 0 };
        last = now;
    }
    last
}

#[test]
fn probing_stops_before_a_lease_ends_that_is_not_renewed() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    let closer = Closer::everywhere(true);
    // Of 4 s nothing is probed in the last half; the server is away from the start on.
    server.state().lease_seconds = 4;
    let id = server.add(sweep(1, "127.80.4.0/24", (closer.port, closer.port), 60));
    scanner.run();
    server.until("the start", |state| (state.jobs[&id].stage == Stage::Running).then_some(()));
    server.state().down = true;
    // 2 s of probing, and what was under way then may be answered for a while. Without an end it would be all 256
    // within 5 s.
    let stopped_at = at_rest(|| closer.count());
    assert!(stopped_at > 20 && stopped_at < 256, "probed without a lease: {stopped_at}");
    {
        let mut state = server.state();
        (state.down, state.lease_seconds) = (false, 120);
    }
    server.completed(id);
    assert_whole(&server, id, &BTreeSet::from([closer.port]));
}

/// Runs one spec that must be refused, and answers with the reason that the server was told.
fn refused(change: impl FnOnce(&Server, &mut Spec) -> Option<SigningKey>, arguments: &[&str]) -> String {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    let (listeners, _) = open("127.80.5.1", 1);
    listeners[0].set_nonblocking(true).unwrap();
    let port = listeners[0].local_addr().unwrap().port();
    let mut spec = sweep(1, "127.80.5.1", (port, port), 0);
    let key = change(&server, &mut spec);
    let id = match key {
        None => server.add(spec),
        Some(key) => server.add_signed(spec.clone(), spec.sign(&key)),
    };
    scanner.run_with(arguments);
    let complete = server.completed(id);
    assert_eq!((complete.status, complete.last_seq), (CompleteStatus::Failed, -1));
    assert!(listeners[0].accept().is_err(), "nothing may be probed");
    assert!(!server.state().calls.iter().any(|(path, _)| path.ends_with("/start")));
    complete.error_message.expect("a refusal has a reason")
}

const ALLOW: [&str; 2] = ["--allow", "127.0.0.0/8"];

#[test]
fn a_spec_that_nobody_pinned_signed_is_refused() {
    assert!(refused(|_, _| Some(SigningKey::from_seed(&[66; 32])), &ALLOW).contains("signature"));
}

#[test]
fn a_spec_with_one_byte_changed_is_refused() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    let spec = sweep(1, "127.80.6.1", (1, 9), 100);
    let mut signed = spec.clone().sign(&server.state().signing);
    let place = signed.spec.0.windows(15).position(|bytes| bytes == b"\"ratePps\":100,\"").unwrap();
    signed.spec.0[place + 10] = b'9';
    let id = server.add_signed(spec, signed);
    scanner.run();
    assert!(server.completed(id).error_message.unwrap().contains("signature"));
}

#[test]
fn a_spec_of_another_scanner_or_another_time_is_refused() {
    let other = refused(
        |_, spec| {
            spec.scanner_id = uuid::Uuid::from_u128(8).into();
            None
        },
        &ALLOW,
    );
    assert!(other.contains("another scanner"), "{other}");
    let expired = refused(
        |_, spec| {
            spec.not_before -= chrono::Duration::hours(30);
            spec.expires_at -= chrono::Duration::hours(25);
            None
        },
        &ALLOW,
    );
    assert!(expired.contains("expired"), "{expired}");
    let early = refused(
        |_, spec| {
            spec.not_before += chrono::Duration::minutes(6);
            None
        },
        &ALLOW,
    );
    assert!(early.contains("not valid yet"), "{early}");
}

#[test]
fn a_clock_that_is_wrong_starts_nothing_and_is_reported() {
    for (minutes, word) in [(7, "behind"), (-7, "ahead")] {
        let server = Server::start();
        let mut scanner = Scanner::enrolled(&server);
        server.state().skew = chrono::Duration::minutes(minutes);
        let id = server.add(sweep(1, "127.80.9.1", (1, 9), 0));
        scanner.run();
        let error = server.until("a report", |state| state.heartbeats.last().and_then(|beat| beat.last_error.clone()));
        assert!(error.contains("clock") && error.contains(word), "{error}");
        assert_eq!(server.state().jobs[&id].stage, Stage::Pending, "another scanner's clock may be right");
        assert_eq!(asked_for_jobs(&server), 0);
        server.state().skew = chrono::Duration::zero();
        assert_eq!(server.completed(id).status, CompleteStatus::Completed);
    }
}

fn asked_for_jobs(server: &Server) -> usize {
    server.state().calls.iter().filter(|(path, _)| path == "/scanner/jobs").count()
}

#[test]
fn a_job_claimed_with_a_wrong_clock_is_handed_back() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    scanner.run();
    // The clock goes wrong while a long poll waits; the job comes by that poll.
    server.until("two claims", |state| {
        (state.calls.iter().filter(|(path, _)| path == "/scanner/jobs").count() >= 2).then_some(())
    });
    server.state().skew = chrono::Duration::minutes(7);
    server.until("a report", |state| state.heartbeats.last().and_then(|beat| beat.last_error.clone()));
    let id = server.add(sweep(1, "127.80.9.1", (1, 9), 0));
    // The poll may have ended before the job was there: then nothing was claimed, which is as good.
    std::thread::sleep(POLL + Duration::from_millis(300));
    let stage = server.until("an end of the poll", |state| {
        Some(state.jobs[&id].stage.clone()).filter(|stage| *stage != Stage::Assigned)
    });
    assert!(matches!(&stage, Stage::Pending) || stage == Stage::Released("clock".to_owned()), "{stage:?}");
    assert!(!server.state().calls.iter().any(|(path, _)| path.ends_with("/start") || path.ends_with("/complete")));
}

#[test]
fn a_clock_that_is_a_little_wrong_is_corrected() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    server.state().skew = chrono::Duration::minutes(4);
    let mut spec = sweep(1, "127.80.9.2", (1, 9), 0);
    // By the server's clock it begins just now, by this machine's in eight minutes.
    spec.not_before += chrono::Duration::minutes(8);
    let id = server.add(spec);
    scanner.run();
    assert_eq!(server.completed(id).status, CompleteStatus::Completed);
}

#[test]
fn progress_is_told_while_the_server_takes_no_parts() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    {
        let mut state = server.state();
        (state.results_away, state.lease_seconds) = (true, 8);
    }
    let (_listeners, ours) = open("127.80.10.1", 10);
    let id = server.add(sweep(1, "127.80.10.1", (32_000, 61_000), 2_000));
    scanner.run();
    server.until("a refused part", |state| {
        state.calls.iter().any(|(path, code)| path.ends_with("results") && *code == 503).then_some(())
    });
    let before = server.state().jobs[&id].progress.len();
    server.state().jobs.get_mut(&id).unwrap().pps = 1_999;
    server.until("progress", |state| (state.jobs[&id].progress.len() > before).then_some(()));
    {
        let mut state = server.state();
        assert!(state.jobs[&id].parts.is_empty());
        (state.results_away, state.lease_seconds) = (false, 120);
    }
    server.completed(id);
    assert_whole(&server, id, &ours);
    assert_eq!(server.state().jobs[&id].attempt, 1, "the lease was kept");
}

#[test]
fn a_job_key_that_the_pinned_one_vouches_for_is_learned_before_a_job_is_refused() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    scanner.run();
    server.until("a heartbeat", |state| (!state.heartbeats.is_empty()).then_some(()));
    let new = SigningKey::from_seed(&[6; 32]);
    let spec = sweep(1, "127.80.11.1", (1, 9), 0);
    let announced = announce(&server.state().signing, &new);
    server.state().announced = vec![announced];
    let id = server.add_signed(spec.clone(), spec.sign(&new));
    assert_eq!(server.completed(id).status, CompleteStatus::Completed);
    // Both keys are good during the overlap.
    let old = server.add(sweep(2, "127.80.11.1", (1, 9), 0));
    assert_eq!(server.completed(old).status, CompleteStatus::Completed);
    let stranger = SigningKey::from_seed(&[66; 32]);
    let forged = announce(&stranger, &stranger);
    server.state().announced.push(forged);
    let spec = sweep(3, "127.80.11.1", (1, 9), 0);
    let id = server.add_signed(spec.clone(), spec.sign(&stranger));
    assert!(server.completed(id).error_message.unwrap().contains("signature"));
}

/// The announcement of `new`, signed by `old`.
fn announce(old: &SigningKey, new: &SigningKey) -> RotatedKey {
    RotatedKey {
        key_id: new.public().key_id(),
        public_key: new.public(),
        signed_by: Some(old.public().key_id()),
        signature: Some(old.sign(Purpose::Key, new.public().as_bytes())),
    }
}

#[test]
fn a_lease_attempt_too_low_is_refused() {
    let low = refused(
        |_, spec| {
            spec.min_attempt = 3;
            None
        },
        &ALLOW,
    );
    assert!(low.contains("replay"), "{low}");
}

#[test]
fn a_lease_attempt_seen_before_is_refused_after_a_restart_too() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    let id = server.add(sweep(1, "127.80.7.1", (1, 100), 0));
    scanner.run();
    assert_eq!(server.completed(id).status, CompleteStatus::Completed);
    scanner.kill();
    // Its last long poll still waits at the server, and must not be the one that gets the job.
    std::thread::sleep(POLL + Duration::from_millis(300));
    {
        let mut state = server.state();
        let job = state.jobs.get_mut(&id).unwrap();
        job.forget();
        (job.stage, job.attempt) = (Stage::Pending, 0);
    }
    scanner.run();
    let again = server.completed(id);
    assert_eq!(again.status, CompleteStatus::Failed);
    assert!(again.error_message.unwrap().contains("replay"));
}

#[test]
fn what_the_own_deny_list_holds_is_refused() {
    assert!(refused(|_, _| None, &[]).contains("deny list"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list");
    std::fs::write(&file, "127.80.5.0/24\n").unwrap();
    let path = file.to_str().unwrap();
    assert!(refused(|_, _| None, &[ALLOW[0], ALLOW[1], "--deny-file", path]).contains("deny list"));
    std::fs::write(&file, "127.81.0.0/16\n").unwrap();
    assert!(refused(|_, _| None, &[ALLOW[0], ALLOW[1], "--allow-file", path]).contains("allow file"));
}

#[test]
fn what_is_excluded_does_not_meet_the_deny_list() {
    let server = Server::start();
    let mut scanner = Scanner::enrolled(&server);
    let mut spec = sweep(1, "127.80.8.1-2", (1, 100), 0);
    spec.exclusions = vec![Exclusion { cidr: "127.80.8.2/32".parse().unwrap(), ports: PortSet::new() }];
    let id = server.add(spec);
    scanner.run_with(&["--allow", "127.80.8.1"]);
    assert_eq!(server.completed(id).status, CompleteStatus::Completed);
    let state = server.state();
    let job = &state.jobs[&id];
    let hosts: BTreeSet<_> = job.verdicts.keys().map(|index| job.space.probe_at(*index).unwrap().ip).collect();
    assert_eq!(hosts.len(), 1);
}
