//! What the engine says is what is there.
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;

use mipo_protocol::part::Verdict;
use mipo_protocol::spec::Votes;
use mipo_scanner::engine::Ended;

use crate::listeners::{Closer, How, Silent, listening, on, open, probe};

fn ports(targets: &BTreeSet<(IpAddr, u16)>) -> BTreeSet<u16> {
    targets.iter().map(|(_, port)| *port).collect()
}

/// Those of `opened` that nobody listens on, neither by `known` nor when asked a second time by a plain connect. Other
/// tests open and close listeners meanwhile, so a port counts as false only when it is doubtful twice.
fn false_opens(ip: IpAddr, opened: &BTreeSet<u16>, known: &BTreeSet<u16>) -> Vec<u16> {
    let (again, _, _) = probe(opened.difference(known).map(|port| (ip, *port)).collect(), How::default());
    ports(&again.with(Verdict::Open)).difference(&listening(ip)).copied().collect()
}

/// All ports of an address: what listens before and after is open, and nothing else.
fn whole_address(ip: &str, count: usize) {
    let (_listeners, ours) = open(ip, count);
    let address: IpAddr = ip.parse().unwrap();
    let before = listening(address);
    let (found, stats, ended) = probe(on(ip, 1..=u16::MAX), How::default());
    let after = listening(address);
    let opened = ports(&found.with(Verdict::Open));
    assert_eq!(ended, Ended::Finished);
    assert_eq!((found.verdicts.len(), found.doubled), (65_535, 0));
    assert!(ours.is_subset(&opened), "missed {:?}; {stats:?}", ours.difference(&opened));
    let known: BTreeSet<u16> = before.union(&after).copied().collect();
    assert_eq!(false_opens(address, &opened, &known), Vec::<u16>::new(), "{stats:?}");
    assert_eq!(found.with(Verdict::Error), BTreeSet::new());
}

#[test]
fn every_port_of_an_ipv4_address() {
    whole_address("127.77.1.9", 40);
}

#[test]
fn every_port_of_the_ipv6_loopback_address() {
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        whole_address("::1", 20);
    }
}

#[test]
fn a_scanner_that_scans_itself_meets_itself_and_is_not_fooled() {
    // The kernel gives outgoing connections ports of this very range: some connect to themselves.
    let ip = "127.0.0.1".parse().unwrap();
    let before = listening(ip);
    for _ in 0..3 {
        let (found, _, _) = probe(on("127.0.0.1", 32_768..=60_999), How::default());
        let opened = ports(&found.with(Verdict::Open));
        let known: BTreeSet<u16> = before.union(&listening(ip)).copied().collect();
        assert_eq!(false_opens(ip, &opened, &known), Vec::<u16>::new());
        assert_eq!(found.with(Verdict::Error), BTreeSet::new());
    }
}

#[test]
fn a_full_queue_is_filtered_after_three_tries() {
    let silent = Silent::everywhere();
    let targets: Vec<(IpAddr, u16)> = (1..=20).map(|host| (IpAddr::from([127, 77, 2, host]), silent.port)).collect();
    let (found, stats, _) = probe(targets, How::default());
    assert_eq!(found.with(Verdict::Filtered).len(), 20, "{found:?} {stats:?}");
    assert!(found.outcomes.iter().all(|outcome| outcome.tries == 3 && outcome.rtt.is_none()), "{found:?}");
    assert_eq!(stats.retries, 40);
}

#[test]
fn who_accepts_and_closes_is_open() {
    for reset in [false, true] {
        let closer = Closer::everywhere(reset);
        let targets: Vec<(IpAddr, u16)> =
            (1..=250).map(|host| (IpAddr::from([127, 77, 3, host]), closer.port)).collect();
        let (found, stats, _) = probe(targets, How { window: Some(50), ..How::default() });
        assert_eq!(found.with(Verdict::Open).len(), 250, "{stats:?}");
    }
}

#[test]
fn no_way_to_a_target_is_an_error_and_never_filtered() {
    // A broadcast address cannot be connected to: the call fails here, nobody was asked anything.
    let (found, stats, _) = probe(on("255.255.255.255", [80, 443]), How::default());
    assert_eq!(found.with(Verdict::Error).len(), 2, "{found:?}");
    assert!(stats.faults >= 2);
}

#[test]
fn rates_are_ceilings() {
    let started = Instant::now();
    let (found, _, _) = probe(on("127.77.4.1", 1..=300), How { pps: 200, ..How::default() });
    assert_eq!(found.verdicts.len(), 300);
    assert!(started.elapsed().as_secs_f64() > 1.4, "{:?}", started.elapsed());
    let started = Instant::now();
    let mut targets = on("127.77.4.2", 1..=60);
    targets.extend(on("127.77.4.3", 1..=60));
    let (found, _, _) = probe(targets, How { per_host_pps: 40, ..How::default() });
    assert_eq!(found.verdicts.len(), 120);
    assert!(started.elapsed().as_secs_f64() > 1.4, "{:?}", started.elapsed());
}

#[test]
fn a_run_that_is_stopped_judges_nothing_twice_and_invents_nothing() {
    let (_listeners, ours) = open("127.77.5.1", 5);
    let (found, _, ended) = probe(on("127.77.5.1", 1..=u16::MAX), How { stop_after: Some(20_000), ..How::default() });
    assert_eq!(ended, Ended::Stopped);
    assert!(found.verdicts.len() >= 20_000 && found.verdicts.len() < 65_535 && found.doubled == 0);
    for port in &ours {
        let verdict = found.verdicts.get(&("127.77.5.1".parse().unwrap(), *port));
        assert!(verdict.is_none_or(|verdict| *verdict == Verdict::Open));
    }
}

#[test]
fn a_confirm_job_looks_twice_a_while_apart_and_counts_votes() {
    let (_listeners, ours) = open("127.77.6.1", 2);
    let votes = Votes { need: 2, of: 3, spacing_ms: 300 };
    let targets: Vec<u16> = ours.iter().copied().chain([1]).collect();
    let started = Instant::now();
    let (found, _, _) = probe(on("127.77.6.1", targets), How { votes: Some(votes), ..How::default() });
    assert!(started.elapsed().as_millis() >= 300);
    assert_eq!(ports(&found.with(Verdict::Open)), ours);
    for outcome in &found.outcomes {
        let ballot = outcome.ballot.expect("a confirm job votes");
        assert_eq!((ballot.looks, ballot.open + ballot.closed), (2, 2));
    }
}
