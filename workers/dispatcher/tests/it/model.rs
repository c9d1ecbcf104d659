//! Any verdicts, in any parts, over several scans: state, changes and coverage are those of a map from port to last
//! known state.
use std::collections::BTreeMap;

use mipo_domain::entropy::{Entropy, bytes};
use mipo_domain::targets::Probe;
use mipo_protocol::part::{DefaultState, Verdict};
use mipo_testkit::SeededEntropy;

use crate::world::{World, parts, scanner};

const ALL: [Verdict; 5] = [Verdict::Open, Verdict::Closed, Verdict::Filtered, Verdict::Error, Verdict::NotProbed];
const CASES: u64 = 8;
const SCANS: usize = 3;

fn below(entropy: &dyn Entropy, limit: u64) -> u64 {
    u64::from_le_bytes(bytes(entropy)) % limit
}

type Port = (String, u16);

#[tokio::test]
async fn any_verdicts_give_what_a_map_would() {
    let world = World::new().await;
    let mut model: BTreeMap<Port, Verdict> = BTreeMap::new();
    for seed in 0..CASES {
        let entropy = SeededEntropy::new(seed);
        let mut scan = world.ask(&format!("10.0.{seed}.1-10.0.{seed}.3, 2001:db9::{seed}"), "1-4,80-83").await;
        for run in 0..SCANS {
            if run > 0 {
                scan = world.again(scan).await;
            }
            world.run_tasks().await;
            let changes = one_scan(&world, &entropy, &mut model).await;
            world.conclude_now(scanner(1), scan).await;
            compare(&world, i64::from(scan), &model, &changes, &format!("seed {seed}, scan {run}")).await;
        }
    }
    world.check().await;
}

/// Plays a scan with random verdicts; answers the changes that it must have made.
async fn one_scan(world: &World, entropy: &SeededEntropy, model: &mut BTreeMap<Port, Verdict>) -> Vec<String> {
    let (given, mut changes) = (std::cell::RefCell::new(BTreeMap::new()), Vec::new());
    let complete = below(entropy, 2) == 0;
    for job in world.claim(scanner(1)).await {
        world.begin(scanner(1), &job).await;
        let until = if complete { u64::MAX } else { below(entropy, 33) };
        let verdict = |probe: Probe| {
            let verdict = ALL[below(entropy, if complete { 3 } else { 5 }) as usize];
            given.borrow_mut().insert((probe.ip.to_string(), probe.port), verdict);
            verdict
        };
        let length = 1 + below(entropy, 9);
        let defaults = bytes::<16>(entropy);
        let sent = parts(&job, until, length, &verdict, |seq, ip| {
            let last = match ip {
                std::net::IpAddr::V4(ip) => ip.octets()[3],
                std::net::IpAddr::V6(_) => 0,
            };
            let byte = defaults[(seq as usize * 5 + usize::from(last)) % 16];
            if byte.is_multiple_of(2) { DefaultState::Closed } else { DefaultState::Filtered }
        });
        for part in &sent {
            world.hand_in(scanner(1), &job, part).await;
        }
        world.complete(scanner(1), &job, sent.len() as i64 - 1).await;
    }
    for (port, now) in given.into_inner() {
        if matches!(now, Verdict::Error | Verdict::NotProbed) {
            continue;
        }
        if let Some(before) = model.insert(port.clone(), now)
            && before != now
        {
            changes.push(format!("{} {} {}>{}", port.0, port.1, before.as_str(), now.as_str()));
        }
    }
    changes.sort();
    changes
}

async fn compare(world: &World, scan: i64, model: &BTreeMap<Port, Verdict>, changes: &[String], case: &str) {
    let state = "select host(h.ip) || ' ' || p || ' ' || case
         when exists (select from results.port_current c where (c.scanner_id, c.ip, c.protocol, c.port) = (h.scanner_id, h.ip, h.protocol, p)) then 'open'
         when h.filtered_ports @> p then 'filtered' else 'closed' end
       from results.host_current h, generate_series(1, 65535) p where h.covered_ports @> p";
    let mut found = world.texts(state).await;
    found.sort();
    let mut wanted: Vec<String> =
        model.iter().map(|((ip, port), verdict)| format!("{ip} {port} {}", verdict.as_str())).collect();
    wanted.sort();
    assert_eq!(found, wanted, "{case}: state");
    let recorded = format!(
        "select host(ip) || ' ' || p || ' ' || previous_state || '>' || current_state
         from results.port_changes, generate_series(1, 65535) p
         where scan_id = {scan} and (port = p or ports @> p)"
    );
    let mut found = world.texts(&recorded).await;
    found.sort();
    assert_eq!(found, changes, "{case}: changes");
}
