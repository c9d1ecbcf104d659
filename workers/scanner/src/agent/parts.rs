//! From verdicts to the part that is sent: per host, only what differs from its default.
use std::collections::BTreeMap;
use std::net::IpAddr;

use mipo_domain::ports::PortSet;
use mipo_domain::targets::{IndexSpace, Probe};
use mipo_protocol::part::{DefaultState, OpenPort, Part, PartHost, Verdict, Vote};
use mipo_protocol::wire::{MAX_BODY_BYTES, MAX_UNPACKED_BYTES};

use super::api::gzip;
use crate::ledger::{Draft, Mark};

/// What a part says in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Indices that have a verdict.
    pub attempted: u64,
    /// Open ports.
    pub open: u64,
}

/// A host while its part is built.
#[derive(Default)]
struct Building {
    closed: u64,
    filtered: u64,
    open: Vec<OpenPort>,
    other: Vec<u16>,
    error: Vec<u16>,
    votes: Vec<Vote>,
}

impl Building {
    fn default_state(&self) -> DefaultState {
        if self.filtered > self.closed { DefaultState::Filtered } else { DefaultState::Closed }
    }
}

/// Builds the part of a draft.
pub fn build(draft: &Draft, space: &IndexSpace, lease_attempt: u32, seq: u32) -> (Part, Tally) {
    let mut hosts: BTreeMap<IpAddr, (Probe, Building)> = BTreeMap::new();
    let mut tally = Tally::default();
    // Which hosts are mostly silent has to be known before their exceptions can be listed. Without any silence the
    // addresses of closed ports need not be computed at all.
    let silence = draft.marks.contains(&Mark::Judged(Verdict::Filtered));
    if silence {
        for (index, mark) in draft.marks() {
            let Mark::Judged(verdict @ (Verdict::Closed | Verdict::Filtered)) = mark else { continue };
            let Some(probe) = space.probe_at(index) else { continue };
            let (_, host) = hosts.entry(probe.ip).or_insert_with(|| (probe, Building::default()));
            if verdict == Verdict::Filtered { host.filtered += 1 } else { host.closed += 1 }
        }
    }
    for (index, mark) in draft.marks() {
        let Mark::Judged(verdict) = mark else { continue };
        tally.attempted += 1;
        let ballot = draft.ballots.get(&index);
        if verdict == Verdict::Closed && !silence && ballot.is_none() {
            continue;
        }
        let Some(probe) = space.probe_at(index) else { continue };
        let (_, host) = hosts.entry(probe.ip).or_insert_with(|| (probe, Building::default()));
        match verdict {
            Verdict::Open => {
                tally.open += 1;
                let Some(found) = draft.found.get(&index) else { continue };
                host.open.push(OpenPort {
                    port: probe.port,
                    rtt_us: found.rtt.map_or(0, |rtt| u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX)),
                    tries: u16::from(found.tries),
                    service: None,
                    version: None,
                    at: found.at,
                });
            }
            Verdict::Error | Verdict::NotProbed => host.error.push(probe.port),
            Verdict::Closed if host.default_state() == DefaultState::Filtered => host.other.push(probe.port),
            Verdict::Filtered if host.default_state() == DefaultState::Closed => host.other.push(probe.port),
            Verdict::Closed | Verdict::Filtered => {}
        }
        if let Some(ballot) = ballot {
            host.votes.push(Vote {
                port: probe.port,
                open: ballot.open.into(),
                closed: ballot.closed.into(),
                filtered: ballot.filtered.into(),
            });
        }
    }
    let hosts = hosts.into_values().filter_map(|(probe, host)| finish(probe, host)).collect();
    let part = Part {
        lease_attempt,
        seq,
        from_index: draft.from,
        to_index: draft.to(),
        default_state: DefaultState::Closed,
        hosts,
    };
    (part, tally)
}

/// The host as it is sent; none when it has nothing to say.
fn finish(probe: Probe, mut building: Building) -> Option<PartHost> {
    let mut host = PartHost::new(probe.ip, probe.protocol);
    host.default_state = building.default_state();
    building.open.sort_by_key(|open| open.port);
    building.votes.sort_by_key(|vote| vote.port);
    let set = |ports: Vec<u16>| PortSet::from_ranges(ports.into_iter().map(|port| (port, port)));
    host.open = building.open;
    host.other = set(building.other);
    host.error = set(building.error);
    host.votes = building.votes;
    let silent = host.default_state == DefaultState::Closed
        && host.open.is_empty()
        && host.other.is_empty()
        && host.error.is_empty()
        && host.votes.is_empty();
    (!silent).then_some(host)
}

/// Whether the server takes a body of these bytes.
pub fn fits(bytes: &[u8]) -> bool {
    // A compressed body is hardly ever larger than half of the limit; only then is it worth packing it twice.
    bytes.len() <= MAX_BODY_BYTES || (bytes.len() <= MAX_UNPACKED_BYTES && gzip(bytes).len() <= MAX_BODY_BYTES)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::DateTime;
    use mipo_domain::address::{IpRange, IpSet};
    use mipo_domain::permutation::Seed;
    use mipo_domain::targets::Target;

    use super::*;
    use crate::ledger::Found;

    #[test]
    fn a_silent_host_is_listed_with_its_answers_as_exceptions() {
        let addresses: IpSet = [IpRange::parse("10.0.0.1-4").expect("range")].into_iter().collect();
        let target = Target::tcp(&addresses, PortSet::from_ranges([(1, 10)]));
        let space = IndexSpace::new(&[target], Seed([4; 16])).expect("a space");
        let mut draft = Draft { from: 0, marks: Vec::new(), ..Draft::default() };
        for index in 0..space.count() {
            let probe = space.probe_at(index).expect("inside");
            let last = probe.ip.to_string().ends_with(".1");
            let verdict = match (last, probe.port) {
                (true, 3) => Verdict::Closed,
                (true, 4) | (false, 7) => Verdict::Open,
                (true, _) => Verdict::Filtered,
                (false, 9) if probe.ip.to_string().ends_with(".2") => Verdict::Error,
                (false, 9) if probe.ip.to_string().ends_with(".3") => Verdict::Filtered,
                _ => Verdict::Closed,
            };
            if verdict == Verdict::Open {
                let at = DateTime::from_timestamp(0, 0).expect("a time");
                draft.found.insert(index, Found { rtt: Some(Duration::from_micros(250)), tries: 1, at });
            }
            draft.marks.push(Mark::Judged(verdict));
        }
        let (part, tally) = build(&draft, &space, 3, 0);
        assert_eq!(tally, Tally { attempted: 40, open: 4 });
        let ports = |set: &PortSet| set.iter().collect::<Vec<_>>();
        let [one, two, three, four] = &part.hosts[..] else { panic!("{:?}", part.hosts) };
        assert_eq!((one.default_state, ports(&one.other), one.open.len()), (DefaultState::Filtered, vec![3], 1));
        assert_eq!((two.default_state, ports(&two.error), ports(&two.other)), (DefaultState::Closed, vec![9], vec![]));
        assert_eq!((ports(&three.other), ports(&three.error)), (vec![9], vec![]));
        assert_eq!((four.open[0].port, four.open[0].rtt_us), (7, 250));
    }
}
