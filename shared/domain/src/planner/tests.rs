use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::exclusions::{Exclusion, built_in};
use crate::permutation::Seed;
use crate::ports::PortSet;
use crate::targets::IndexSpace;

fn id(n: u128) -> ScannerId {
    uuid::Uuid::from_u128(n).into()
}

fn set(text: &str) -> IpSet {
    crate::address::parse_targets(text).expect("targets")
}

fn source(label: &str, addresses: &str, rate: u32, scanners: &[u128]) -> SourceInput {
    SourceInput {
        label: label.to_owned(),
        addresses: set(addresses),
        rate_limit: rate,
        scanners: scanners.iter().map(|n| id(*n)).collect(),
    }
}

fn scanner(n: u128, rate: u32) -> ScannerInput {
    ScannerInput {
        id: id(n),
        name: format!("s{n}"),
        rate_limit: rate,
        max_concurrent_jobs: 1,
        measured_pps: None,
        unavailable: None,
    }
}

fn input(sources: Vec<SourceInput>, scanners: Vec<ScannerInput>) -> PlanInput {
    PlanInput {
        sources,
        ports: Ports::parse("22,80,443").expect("ports"),
        port_rate_limit: 0,
        scanners,
        exclusions: Exclusions::default(),
        max_target_ips: 16_777_216,
        max_probes: 1_000_000_000,
        fleet_max_pps_per_host: 200,
        exempt_loopback: false,
    }
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

#[test]
fn a_subnet_rate_is_shared_by_its_scanners() {
    let scanners = vec![scanner(1, 0), scanner(2, 0), scanner(3, 0)];
    let plan = plan(&input(vec![source("a", "10.0.0.0/24", 600, &[1, 2, 3])], scanners)).expect("plan");
    assert_eq!(plan.shares.len(), 3);
    for share in &plan.shares {
        assert_eq!((share.classes[0].rate_pps, share.classes[0].per_host_pps), (200, 66));
    }
    assert_eq!((plan.hosts, plan.probes), (256, 256 * 3 * 3));
}

#[test]
fn the_smallest_limit_wins_and_the_same_address_takes_the_lower_rate() {
    let mut asked = input(
        vec![source("wide", "10.0.0.0/24", 0, &[1]), source("slow", "10.0.0.0/28", 50, &[1])],
        vec![ScannerInput { max_concurrent_jobs: 2, ..scanner(1, 400) }],
    );
    let share = &plan(&asked).expect("plan").shares[0];
    assert_eq!(
        share.classes.iter().map(|c| (c.rate_pps, c.targets[0].host_count())).collect::<Vec<_>>(),
        [(50, 16), (200, 240)]
    );
    asked.port_rate_limit = 30;
    assert_eq!(plan(&asked).expect("plan").shares[0].classes[0].rate_pps, 30);
}

#[test]
fn a_division_below_one_is_marked() {
    let scanners = vec![scanner(1, 0), scanner(2, 0)];
    let plan = plan(&input(vec![source("a", "10.0.0.1", 1, &[1, 2])], scanners)).expect("plan");
    assert!(plan.shares[0].classes[0].rate_exhausted);
    assert_eq!(plan.shares[0].classes[0].rate_pps, 1);
}

#[test]
fn refuses_with_a_word() {
    let code = |asked: &PlanInput| plan(asked).expect_err("refused").code();
    let one = || vec![scanner(1, 0)];
    assert_eq!(code(&input(vec![], one())), "nothing_to_scan");
    assert_eq!(code(&input(vec![source("a", "10.0.0.1", 0, &[])], one())), "no_scanner");
    let disabled = vec![ScannerInput { unavailable: Some("disabled"), ..scanner(1, 0) }];
    assert_eq!(code(&input(vec![source("a", "10.0.0.1", 0, &[1])], disabled)), "no_scanner");
    assert_eq!(code(&input(vec![source("a", "10.0.0.0/7", 0, &[1])], one())), "scope_too_large");
    assert_eq!(code(&input(vec![source("a", "::/0", 0, &[1])], one())), "scope_too_large");
    let mut excluded = input(vec![source("a", "127.0.0.1", 0, &[1])], one());
    excluded.exclusions = Exclusions::new(built_in());
    assert_eq!(code(&excluded), "nothing_to_scan");
    let mut udp = input(vec![source("a", "10.0.0.1", 0, &[1])], one());
    udp.ports = Ports::parse("U:53").expect("ports");
    assert_eq!(code(&udp), "nothing_to_scan");
}

#[test]
fn nothing_is_skipped_silently() {
    let mut asked = input(
        vec![source("office", "10.0.0.1", 0, &[1, 2]), source("lab", "10.0.1.1", 0, &[]), source("list", "", 0, &[1])],
        vec![scanner(1, 0), ScannerInput { unavailable: Some("draining"), ..scanner(2, 0) }],
    );
    asked.ports = Ports::parse("22,U:53").expect("ports");
    asked.exclusions = Exclusions::new(vec![Exclusion::all_ports("10.0.1.0/24".parse().expect("net"))]);
    let plan = plan(&asked).expect("plan");
    assert_eq!(
        codes(&plan),
        ["udp_not_scanned", "source_without_scanner", "empty_source", "scanner_skipped", "excluded"]
    );
    assert_eq!(plan.shares.len(), 1);
}

#[test]
fn loopback_knows_no_fleet_cap_in_development() {
    let mut asked = input(vec![source("a", "127.0.0.1, 10.0.0.1", 0, &[1])], vec![scanner(1, 0)]);
    asked.exempt_loopback = true;
    let classes = &plan(&asked).expect("plan").shares[0].classes;
    assert_eq!(classes.iter().map(|c| c.per_host_pps).collect::<Vec<_>>(), [200, 0]);
}

#[test]
fn a_whole_host_is_one_job_and_a_slow_one_is_cut_by_ports() {
    let mut asked = input(vec![source("a", "10.0.0.1", 0, &[1])], vec![scanner(1, 0)]);
    asked.ports = Ports::tcp(PortSet::all());
    let share = plan(&asked).expect("plan").shares[0].clone();
    let slices = cut(&share, None, Limits::default());
    assert_eq!(slices.iter().map(|s| (s.probes, s.hosts, s.estimated_seconds)).collect::<Vec<_>>(), [(65_535, 1, 132)]);
    asked.sources[0].rate_limit = 10;
    let share = plan(&asked).expect("plan").shares[0].clone();
    let slices = cut(&share, None, Limits::default());
    assert_eq!(slices.len(), 65_535_usize.div_ceil(9_000));
    assert!(slices.iter().all(|slice| slice.probes <= 9_000 && slice.estimated_seconds <= 900));
    assert_ne!(
        share.cut_key(),
        plan(&input(vec![source("a", "10.0.0.1", 0, &[1])], vec![scanner(1, 0)])).expect("plan").shares[0].cut_key()
    );
}

fn exclusion() -> impl Strategy<Value = Exclusion> {
    (0_u32..128, 26_u8..=32, proptest::collection::vec(1_u16..12, 0..3)).prop_map(|(ip, bits, ports)| Exclusion {
        cidr: ipnet::IpNet::new(IpAddr::V4((0x0a00_0000 + ip).into()), bits).expect("bits").trunc(),
        ports: ports.into_iter().collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_probe_that_is_not_excluded_is_in_exactly_one_job_of_each_vantage(
        ranges in proptest::collection::vec((0_u32..120, 0_u32..40, 0_u32..3, 1_u128..4), 1..5),
        exclusions in proptest::collection::vec(exclusion(), 0..4),
        hosts in 1_u64..40,
        probes in 1_u64..60,
    ) {
        let sources: Vec<SourceInput> = ranges
            .iter()
            .enumerate()
            .map(|(n, &(first, length, rate, scanners))| SourceInput {
                label: n.to_string(),
                addresses: [IpRange::new(IpAddr::V4((0x0a00_0000 + first).into()), IpAddr::V4((0x0a00_0000 + first + length).into())).expect("ordered")]
                    .into_iter()
                    .collect(),
                rate_limit: rate * 1000,
                scanners: (1..=scanners).map(id).collect(),
            })
            .collect();
        let mut asked = input(sources, (1..=3).map(|n| scanner(n, 0)).collect());
        asked.ports = Ports::parse("1-8").expect("ports");
        asked.exclusions = Exclusions::new(exclusions);
        let Ok(plan) = plan(&asked) else {
            let whole: IpSet = asked.sources.iter().flat_map(|s| s.addresses.ranges()).collect();
            prop_assert!(asked.exclusions.subtract(&whole, &asked.ports.tcp).is_empty());
            return Ok(());
        };
        prop_assert_eq!(plan.probes, plan.shares.iter().map(|share| share.probe_count() as u64).sum::<u64>());
        for share in &plan.shares {
            let limits = Limits { seconds: 900, hosts, probes };
            let slices = cut(share, None, limits);
            let mut seen = std::collections::HashSet::new();
            for slice in &slices {
                prop_assert!(slice.hosts <= hosts && slice.probes <= probes);
                let space = IndexSpace::new(&slice.targets, Seed([1; 16])).expect("a space");
                prop_assert_eq!(space.count(), slice.probes);
                for (_, probe) in space.probes(0, space.count()) {
                    prop_assert!(seen.insert(probe));
                }
            }
            for n in 0..200_u32 {
                let ip = IpAddr::V4((0x0a00_0000 + n).into());
                let wanted = asked.sources.iter().any(|s| s.scanners.contains(&share.scanner_id) && s.addresses.contains(ip));
                for port in 1..=8 {
                    let probe = crate::targets::Probe { ip, protocol: crate::ports::Protocol::Tcp, port };
                    prop_assert_eq!(seen.contains(&probe), wanted && !asked.exclusions.covers(probe));
                }
            }
        }
    }
}
