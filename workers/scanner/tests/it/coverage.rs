//! Parts cover every index exactly once, whatever the order of verdicts and wherever a run breaks off.
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use chrono::DateTime;
use mipo_domain::address::{IpRange, IpSet};
use mipo_domain::exclusions::Exclusions;
use mipo_domain::ids::{ScanId, ScanJobId};
use mipo_domain::permutation::Seed;
use mipo_domain::ports::PortSet;
use mipo_domain::states::JobKind;
use mipo_domain::targets::{IndexSpace, Probe, Target};
use mipo_protocol::part::{Part, Verdict};
use mipo_protocol::part_check;
use mipo_protocol::signature::KeyId;
use mipo_protocol::spec::Spec;
use mipo_scanner::agent::parts::build;
use mipo_scanner::engine::{Outcome, Target as Aim};
use mipo_scanner::ledger::{Draft, Draw, Ledger, Mark};
use proptest::prelude::*;

/// The verdicts that a part means, index by index, as the server reads it.
pub fn read(part: &Part, space: &IndexSpace) -> BTreeMap<u64, Verdict> {
    let hosts: BTreeMap<IpAddr, _> = part.hosts.iter().map(|host| (host.ip, host)).collect();
    let verdict = |probe: Probe| {
        let Some(host) = hosts.get(&probe.ip) else { return part.default_state.into() };
        if host.open.iter().any(|open| open.port == probe.port) {
            Verdict::Open
        } else if host.error.contains(probe.port) {
            Verdict::Error
        } else if host.not_probed.contains(probe.port) {
            Verdict::NotProbed
        } else if host.other.contains(probe.port) {
            host.default_state.opposite().into()
        } else {
            host.default_state.into()
        }
    };
    space.probes(part.from_index, part.to_index).map(|(index, probe)| (index, verdict(probe))).collect()
}

fn targets(hosts: u8, ports: u16) -> Vec<Target> {
    let range = IpRange::new(IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, hosts])).unwrap();
    let addresses: IpSet = [range].into_iter().collect();
    vec![Target::tcp(&addresses, PortSet::from_ranges([(1, ports)]))]
}

fn spec(targets: Vec<Target>, seed: Seed) -> Spec {
    let at = DateTime::from_timestamp(0, 0).unwrap();
    Spec {
        v: 1,
        key_id: KeyId(String::new()),
        job_id: ScanJobId::from(1),
        scan_id: ScanId::from(1),
        kind: JobKind::Sweep,
        scanner_id: uuid::Uuid::nil().into(),
        min_attempt: 1,
        targets,
        exclusions: Vec::new(),
        rate_pps: 0,
        per_host_pps: 0,
        seed,
        not_before: at,
        expires_at: at,
        votes: None,
    }
}

/// What a port "is": mostly closed, some hosts silent, a few of everything.
fn truth(probe: Probe, chance: u64) -> Verdict {
    let IpAddr::V4(ip) = probe.ip else { return Verdict::Closed };
    let host = u64::from(u32::from(ip));
    let mixed = (host.wrapping_mul(0x9e37_79b9) + u64::from(probe.port) * 0x85eb_ca6b) ^ chance;
    let silent = (host ^ chance).is_multiple_of(3);
    match (mixed.wrapping_mul(0xff51_afd7_ed55_8ccd) >> 40) % 12 {
        0 => Verdict::Open,
        1 => Verdict::Error,
        2 if silent => Verdict::Closed,
        2 => Verdict::Filtered,
        _ if silent => Verdict::Filtered,
        _ => Verdict::Closed,
    }
}

/// One run from `from`, driven by `moves`. Answers with the drafts cut; what was judged above the low-water mark and not
/// cut is lost, as in a crash.
fn run(space: &IndexSpace, from: u64, moves: impl Iterator<Item = (u8, u16)>, chance: u64) -> Vec<Draft> {
    let mut ledger = Ledger::new(from, space.count());
    let (mut pending, mut drafts) = (Vec::new(), Vec::new());
    for (what, which) in moves {
        match what % 4 {
            0 | 1 => {
                for _ in 0..=which % 9 {
                    if let Draw::Index(index) = ledger.draw() {
                        pending.push(index);
                    }
                }
            }
            2 => {
                for _ in 0..=which % 11 {
                    if pending.is_empty() {
                        break;
                    }
                    let index = pending.swap_remove(usize::from(which) % pending.len());
                    let probe = space.probe_at(index).unwrap();
                    let target = Aim { index, ip: probe.ip, port: probe.port };
                    let rtt = Some(Duration::from_micros(5));
                    let outcome = Outcome { target, verdict: truth(probe, chance), tries: 1, rtt, ballot: None };
                    ledger.judge(&outcome, || DateTime::from_timestamp(0, 0).unwrap());
                }
            }
            _ => drafts.extend(ledger.cut()),
        }
    }
    drafts
}

/// Moves that end every run that is small enough.
fn patience() -> impl Iterator<Item = (u8, u16)> {
    (0..1_500_u16).flat_map(|n| [(0, n), (2, n), (2, n), (3, n)])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn parts_cover_every_index_once_across_breaks(
        hosts in 1_u8..6,
        ports in 1_u16..40,
        seed in any::<[u8; 16]>(),
        chance in any::<u64>(),
        runs in proptest::collection::vec(proptest::collection::vec(any::<(u8, u16)>(), 0..80), 1..5),
    ) {
        let spec = spec(targets(hosts, ports), Seed(seed));
        let space = spec.index_space().unwrap();
        let mut resume_index = 0;
        let mut seen = BTreeMap::new();
        let last: Vec<(u8, u16)> = patience().collect();
        for (attempt, moves) in runs.into_iter().chain([last]).enumerate() {
            let drafts = run(&space, resume_index, moves.into_iter(), chance);
            for (seq, draft) in drafts.iter().enumerate() {
                prop_assert!(!draft.marks.contains(&Mark::Pending));
                let (mut part, tally) = build(draft, &space, attempt as u32 + 1, seq as u32);
                prop_assert_eq!(part.from_index, resume_index);
                resume_index = part.to_index;
                let counts = part_check::check(&spec, &space, &Exclusions::default(), &mut part).unwrap();
                prop_assert_eq!((counts.attempted, counts.open), (tally.attempted, tally.open));
                for (index, verdict) in read(&part, &space) {
                    prop_assert!(seen.insert(index, verdict).is_none(), "index {} twice", index);
                }
            }
        }
        prop_assert_eq!(resume_index, space.count());
        for (index, probe) in space.probes(0, space.count()) {
            prop_assert_eq!(seen.get(&index), Some(&truth(probe, chance)), "index {} {:?}", index, probe);
        }
    }
}

#[test]
fn a_draft_that_is_too_big_is_cut_in_halves_that_mean_the_same() {
    let spec = spec(targets(5, 60), Seed([9; 16]));
    let space = spec.index_space().unwrap();
    let moves = patience().filter(|(what, _)| *what != 3).chain([(3, 0)]);
    let whole = run(&space, 0, moves, 7).remove(0);
    assert_eq!(whole.to(), space.count());
    let (first, second) = whole.clone().halve();
    let (one, _) = build(&whole, &space, 1, 0);
    let (a, _) = build(&first, &space, 1, 0);
    let (b, _) = build(&second, &space, 1, 1);
    assert_eq!((a.from_index, a.to_index, b.to_index), (one.from_index, b.from_index, one.to_index));
    let mut halves = read(&a, &space);
    halves.extend(read(&b, &space));
    assert_eq!(halves, read(&one, &space));
}

#[test]
fn drawing_stops_when_a_straggler_holds_everything_up() {
    let mut ledger = Ledger::new(0, 10_000_000);
    let mut drawn = 0;
    while let Draw::Index(index) = ledger.draw() {
        drawn += 1;
        if index > 0 {
            let target = Aim { index, ip: IpAddr::from([10, 0, 0, 1]), port: 1 };
            let outcome = Outcome { target, verdict: Verdict::Closed, tries: 1, rtt: None, ballot: None };
            ledger.judge(&outcome, || DateTime::from_timestamp(0, 0).unwrap());
        }
    }
    assert!(drawn <= 500_000, "{drawn}");
    assert_eq!((ledger.low_water(), ledger.draw()), (0, Draw::Full));
    assert!(ledger.cut().is_none());
}
