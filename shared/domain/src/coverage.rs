//! What a job has proved, host by host: the verdict of every port that it was to probe (product 7.1, Concluding).
//!
//! Closed ports are never reported one by one. They follow from the index space, the ranges in which a host's default
//! was `filtered`, and the listed exceptions.
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::exclusions::Exclusions;
use crate::intervals::Intervals;
use crate::ports::{PortSet, Protocol};
use crate::targets::{IndexSpace, Probe, Target};

/// A host as the targets know it.
pub type Host = (IpAddr, Protocol);

/// What the parts of a job list about one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// Indices in which the default of the host was `filtered`.
    pub filtered_default: Intervals<u64>,
    /// Ports with the opposite of the default.
    pub other: PortSet,
    /// Ports with a local error.
    pub error: PortSet,
    /// Ports that were not reached.
    pub not_probed: PortSet,
}

/// The verdicts of one host: five disjoint sets, together every port that was to be probed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Answered.
    pub open: PortSet,
    /// Refused.
    pub closed: PortSet,
    /// Silent or forbidden.
    pub filtered: PortSet,
    /// Not known, because of a fault of the scanner.
    pub error: PortSet,
    /// Not looked at.
    pub not_probed: PortSet,
}

impl Verdicts {
    /// Every port that was to be probed.
    pub fn ports(&self) -> PortSet {
        self.looked_at().union(&self.error).union(&self.not_probed)
    }

    /// The ports whose state is known now.
    pub fn looked_at(&self) -> PortSet {
        self.open.union(&self.closed).union(&self.filtered)
    }

    /// True when silence is what most ports did.
    pub fn mostly_filtered(&self) -> bool {
        self.filtered.count() > self.closed.count()
    }
}

/// A job whose results are read.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The targets of its spec.
    pub targets: &'a [Target],
    /// The index space of these.
    pub space: &'a IndexSpace,
    /// What was never to be probed; left out of the answer.
    pub exclusions: &'a Exclusions,
    /// End of the last accepted part: indices from here on are `not_probed`.
    pub resume_index: u64,
}

/// The verdicts of every host of `job`, from what its parts list. Hosts on which everything is excluded are left out.
pub fn verdicts(
    job: Job<'_>,
    exceptions: &BTreeMap<Host, Exceptions>,
    open: &BTreeMap<Host, PortSet>,
) -> BTreeMap<Host, Verdicts> {
    let mut unreached = unreached(job);
    let none = Exceptions::default();
    planned(job)
        .into_iter()
        .map(|(host, ports)| {
            let listed = exceptions.get(&host).unwrap_or(&none);
            let unreached: PortSet = unreached.remove(&host).unwrap_or_default().into_iter().collect();
            let not_probed = ports.intersect(&listed.not_probed.union(&unreached));
            let left = ports.subtract(&not_probed);
            let error = left.intersect(&listed.error);
            let left = left.subtract(&error);
            let open = open.get(&host).map_or_else(PortSet::new, |open| left.intersect(open));
            let left = left.subtract(&open);
            let default = filtered_by_default(job, host, &left, &listed.filtered_default);
            // `other` turns the default round.
            let filtered = default.subtract(&listed.other).union(&left.intersect(&listed.other).subtract(&default));
            let closed = left.subtract(&filtered);
            (host, Verdicts { open, closed, filtered, error, not_probed })
        })
        .collect()
}

/// The share of one vantage, when several probed the job one after the other: what it did not probe itself is
/// `not_probed` (product 7.5). `own` are the indices that it handed in.
pub fn share(job: Job<'_>, all: &BTreeMap<Host, Verdicts>, own: &Intervals<u64>) -> BTreeMap<Host, Verdicts> {
    all.iter()
        .map(|(&(ip, protocol), whole)| {
            let index_of = |port| job.space.index_of(Probe { ip, protocol, port });
            let ports = whole.ports();
            let mine: PortSet =
                ports.iter().filter(|&port| index_of(port).is_some_and(|index| own.contains(index))).collect();
            let verdicts = Verdicts {
                open: whole.open.intersect(&mine),
                closed: whole.closed.intersect(&mine),
                filtered: whole.filtered.intersect(&mine),
                error: whole.error.intersect(&mine),
                not_probed: whole.not_probed.union(&ports.subtract(&mine)),
            };
            ((ip, protocol), verdicts)
        })
        .collect()
}

/// Every host with the ports that were to be probed on it.
fn planned(job: Job<'_>) -> BTreeMap<Host, PortSet> {
    let mut hosts: BTreeMap<Host, PortSet> = BTreeMap::new();
    for target in job.targets {
        for (addresses, ports) in job.exclusions.subtract(&target.address_set(), &target.ports) {
            for range in addresses.ranges() {
                for ip in (0..range.count()).filter_map(|n| range.nth(n)) {
                    let known = hosts.entry((ip, target.protocol)).or_default();
                    *known = if known.is_empty() { ports.clone() } else { known.union(&ports) };
                }
            }
        }
    }
    hosts
}

/// The ports whose turn never came.
fn unreached(job: Job<'_>) -> HashMap<Host, Vec<u16>> {
    let mut ports: HashMap<Host, Vec<u16>> = HashMap::new();
    for (_, probe) in job.space.probes(job.resume_index, job.space.count()) {
        ports.entry((probe.ip, probe.protocol)).or_default().push(probe.port);
    }
    ports
}

/// Those of `ports` whose index lies where the host's default was `filtered`.
fn filtered_by_default(job: Job<'_>, (ip, protocol): Host, ports: &PortSet, ranges: &Intervals<u64>) -> PortSet {
    if ranges.is_empty() {
        return PortSet::new();
    }
    if job.resume_index > 0 && ranges.ranges() == [(0, job.resume_index - 1)] {
        return ports.clone();
    }
    let index_of = |port| job.space.index_of(Probe { ip, protocol, port });
    ports.iter().filter(|&port| index_of(port).is_some_and(|index| ranges.contains(index))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::address::IpSet;
    use crate::exclusions::Exclusion;
    use crate::permutation::Seed;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Is {
        Open,
        Closed,
        Filtered,
        Error,
        NotProbed,
    }

    fn target(first: u8, last: u8, ports: &[(u16, u16)]) -> Target {
        let range = format!("10.0.0.{first}-10.0.0.{last}").parse().expect("a range");
        Target::tcp(&IpSet::from_ranges([range]), PortSet::from_ranges(ports.iter().copied()))
    }

    proptest! {
        /// Whatever the parts say in their short form, each index keeps the verdict that it was given.
        #[test]
        fn every_index_keeps_its_verdict(
            seed in any::<[u8; 16]>(),
            given in proptest::collection::vec(0_u8..5, 46),
            cuts in proptest::collection::vec((1_u64..12, proptest::collection::vec(any::<bool>(), 5)), 1..8),
            excluded in any::<bool>(),
        ) {
            let targets = [target(1, 4, &[(20, 22), (80, 85)]), target(5, 5, &[(1, 10)])];
            let space = IndexSpace::new(&targets, Seed(seed)).expect("good targets");
            prop_assert_eq!(space.count(), 46);
            let list = if excluded {
                vec![
                    Exclusion::all_ports("10.0.0.2/32".parse().expect("a network")),
                    Exclusion { cidr: "10.0.0.0/29".parse().expect("a network"), ports: PortSet::from_ranges([(80, 81)]) },
                ]
            } else {
                Vec::new()
            };
            let exclusions = Exclusions::new(list);
            let verdict = |index: u64| [Is::Open, Is::Closed, Is::Filtered, Is::Error, Is::NotProbed][usize::from(given[index as usize])];

            // What a scanner would send: parts of any length, with any default for each host.
            let mut exceptions: BTreeMap<Host, Exceptions> = BTreeMap::new();
            let mut open: BTreeMap<Host, PortSet> = BTreeMap::new();
            let mut from = 0;
            for (length, filtered) in &cuts {
                let to = (from + length).min(46);
                if from == to { break; }
                for (n, ip) in (1..=5).map(|n| IpAddr::from([10, 0, 0, n])).enumerate() {
                    let host = (ip, Protocol::Tcp);
                    let listed = exceptions.entry(host).or_default();
                    if filtered[n] {
                        listed.filtered_default = listed.filtered_default.union(&Intervals::from_ranges([(from, to - 1)]));
                    }
                    for (index, probe) in space.probes(from, to).filter(|(_, probe)| probe.ip == ip) {
                        let one = PortSet::from_ranges([(probe.port, probe.port)]);
                        match verdict(index) {
                            Is::Open => { let set = open.entry(host).or_default(); *set = set.union(&one); }
                            Is::Error => listed.error = listed.error.union(&one),
                            Is::NotProbed => listed.not_probed = listed.not_probed.union(&one),
                            Is::Closed if filtered[n] => listed.other = listed.other.union(&one),
                            Is::Filtered if !filtered[n] => listed.other = listed.other.union(&one),
                            Is::Closed | Is::Filtered => {}
                        }
                    }
                }
                from = to;
            }

            let job = Job { targets: &targets, space: &space, exclusions: &exclusions, resume_index: from };
            let answer = verdicts(job, &exceptions, &open);
            let mut ports = 0;
            for (index, probe) in space.probes(0, 46) {
                let host = answer.get(&(probe.ip, probe.protocol));
                if exclusions.covers(probe) {
                    prop_assert!(host.is_none_or(|host| !host.ports().contains(probe.port)));
                    continue;
                }
                ports += 1;
                let host = host.expect("a host that is not excluded");
                let set = match if index < from { verdict(index) } else { Is::NotProbed } {
                    Is::Open => &host.open,
                    Is::Closed => &host.closed,
                    Is::Filtered => &host.filtered,
                    Is::Error => &host.error,
                    Is::NotProbed => &host.not_probed,
                };
                prop_assert!(set.contains(probe.port), "{} {:?} {:?}", index, probe, host);
            }
            let counted: u32 = answer.values().map(|v| v.open.count() + v.closed.count() + v.filtered.count() + v.error.count() + v.not_probed.count()).sum();
            prop_assert_eq!(counted, ports, "the five sets are disjoint");

            // Two vantages, one after the other: together they say what one would have said, and each only its own.
            let cut = from / 2;
            let first = share(job, &answer, &Intervals::from_ranges(cut.checked_sub(1).map(|last| (0, last))));
            let second = share(job, &answer, &Intervals::from_ranges([(cut, 45)]));
            for (index, probe) in space.probes(0, 46).filter(|(_, probe)| !exclusions.covers(*probe)) {
                let host = (probe.ip, probe.protocol);
                let (own, other) = if index < cut { (&first[&host], &second[&host]) } else { (&second[&host], &first[&host]) };
                prop_assert!(other.not_probed.contains(probe.port) && !other.looked_at().contains(probe.port));
                let whole = &answer[&host];
                for (a, b) in [(&own.open, &whole.open), (&own.closed, &whole.closed), (&own.filtered, &whole.filtered), (&own.error, &whole.error), (&own.not_probed, &whole.not_probed)] {
                    prop_assert_eq!(a.contains(probe.port), b.contains(probe.port));
                }
                prop_assert_eq!(own.ports(), whole.ports());
            }
        }
    }
}
