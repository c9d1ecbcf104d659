//! The targets of a job and its index space, product 7.4.
//!
//! A job lists targets in order. Their addresses × ports, counted host by host, are the linear numbers L; the
//! permutation says at which index each of them is probed.
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::address::{IpRange, IpSet};
use crate::exclusions::Exclusions;
use crate::permutation::{Permutation, Seed};
use crate::ports::{PortSet, Protocol};

/// One target of a spec: every port of `ports` on every address of `addresses`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Always TCP today.
    pub protocol: Protocol,
    /// Ascending disjoint ranges of one family.
    pub addresses: Vec<IpRange>,
    /// Ascending disjoint ranges.
    pub ports: PortSet,
}

impl Target {
    /// A TCP target of a set of one family.
    pub fn tcp(addresses: &IpSet, ports: PortSet) -> Self {
        Self { protocol: Protocol::Tcp, addresses: addresses.ranges().collect(), ports }
    }

    /// How many addresses it has.
    pub fn host_count(&self) -> u128 {
        self.addresses.iter().fold(0, |sum: u128, range| sum.saturating_add(range.count()))
    }

    /// How many probes it means.
    pub fn probe_count(&self) -> u128 {
        self.host_count().saturating_mul(self.ports.count().into())
    }

    /// Its addresses as a set.
    pub fn address_set(&self) -> IpSet {
        self.addresses.iter().copied().collect()
    }
}

/// Why targets make no index space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTargets {
    /// No probe at all.
    #[error("the targets hold nothing")]
    Empty,
    /// A target has no address or no port.
    #[error("target {0} has no address or no port")]
    EmptyTarget(usize),
    /// Ranges that overlap, touch the wrong way round or mix families.
    #[error("target {0}: the address ranges must ascend, be disjoint and of one family")]
    Unordered(usize),
    /// An address × port lies in two targets.
    #[error("targets {0} and {1} overlap")]
    Overlap(usize, usize),
    /// More probes than can be counted.
    #[error("the targets hold more probes than can be counted")]
    TooLarge,
}

/// One probe: the work on one index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Probe {
    /// The address.
    pub ip: IpAddr,
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
}

#[derive(Clone, Debug)]
struct Block {
    protocol: Protocol,
    first_linear: u64,
    hosts: Vec<(u64, IpRange)>,
    ports: Vec<(u32, u16, u16)>,
    port_count: u64,
    host_count: u64,
}

impl Block {
    fn host_ordinal(&self, ip: IpAddr) -> Option<u64> {
        let upper = self.hosts.partition_point(|(_, range)| range.first() <= ip);
        let (start, range) = self.hosts.get(upper.checked_sub(1)?)?;
        range.ordinal(ip).map(|ordinal| start + ordinal as u64)
    }

    fn port_ordinal(&self, port: u16) -> Option<u64> {
        let upper = self.ports.partition_point(|&(_, first, _)| first <= port);
        let &(start, first, last) = self.ports.get(upper.checked_sub(1)?)?;
        (port <= last).then(|| u64::from(start) + u64::from(port - first))
    }

    fn probe(&self, offset: u64) -> Option<Probe> {
        let (host, port) = (offset / self.port_count, (offset % self.port_count) as u32);
        let (start, range) = self.hosts.get(self.hosts.partition_point(|(start, _)| *start <= host).checked_sub(1)?)?;
        let ip = range.nth(u128::from(host - start))?;
        let at = self.ports.partition_point(|&(start, _, _)| start <= port).checked_sub(1)?;
        let &(start, first, _) = self.ports.get(at)?;
        Some(Probe { ip, protocol: self.protocol, port: first + (port - start) as u16 })
    }
}

/// The index space of a job: index ↔ linear number ↔ probe.
#[derive(Clone, Debug)]
pub struct IndexSpace {
    blocks: Vec<Block>,
    permutation: Permutation,
}

impl IndexSpace {
    /// The index space of `targets` under `seed`.
    pub fn new(targets: &[Target], seed: Seed) -> Result<Self, BadTargets> {
        let mut blocks: Vec<Block> = Vec::with_capacity(targets.len());
        let mut total: u64 = 0;
        for (n, target) in targets.iter().enumerate() {
            let probes = u64::try_from(target.probe_count()).map_err(|_| BadTargets::TooLarge)?;
            if probes == 0 {
                return Err(BadTargets::EmptyTarget(n));
            }
            let mut hosts = Vec::with_capacity(target.addresses.len());
            let mut host_count: u64 = 0;
            let mut before: Option<IpRange> = None;
            for &range in &target.addresses {
                if before.is_some_and(|b| b.last() >= range.first() || b.is_ipv4() != range.is_ipv4()) {
                    return Err(BadTargets::Unordered(n));
                }
                before = Some(range);
                hosts.push((host_count, range));
                host_count += range.count() as u64;
            }
            let mut ports = Vec::with_capacity(target.ports.ranges().len());
            let mut port_count: u32 = 0;
            for &(first, last) in target.ports.ranges() {
                ports.push((port_count, first, last));
                port_count += u32::from(last - first) + 1;
            }
            blocks.push(Block {
                protocol: target.protocol,
                first_linear: total,
                hosts,
                ports,
                port_count: port_count.into(),
                host_count,
            });
            total = total.checked_add(probes).ok_or(BadTargets::TooLarge)?;
        }
        if total == 0 {
            return Err(BadTargets::Empty);
        }
        if total > 1 << 62 {
            return Err(BadTargets::TooLarge);
        }
        check_disjoint(targets)?;
        Ok(Self { blocks, permutation: Permutation::new(seed, total) })
    }

    /// N: how many probes the job has.
    pub const fn count(&self) -> u64 {
        self.permutation.count()
    }

    /// How many host entries its targets have together.
    pub fn host_count(&self) -> u64 {
        self.blocks.iter().map(|block| block.host_count).sum()
    }

    /// The probe at `index` of the probing order.
    pub fn probe_at(&self, index: u64) -> Option<Probe> {
        self.probe_of_linear(self.permutation.forward(index)?)
    }

    /// The probe with the linear number `linear`.
    pub fn probe_of_linear(&self, linear: u64) -> Option<Probe> {
        if linear >= self.count() {
            return None;
        }
        let block =
            self.blocks.get(self.blocks.partition_point(|block| block.first_linear <= linear).checked_sub(1)?)?;
        block.probe(linear - block.first_linear)
    }

    /// The linear number of `probe`, when it lies in the targets.
    pub fn linear_of(&self, probe: Probe) -> Option<u64> {
        self.blocks.iter().filter(|block| block.protocol == probe.protocol).find_map(|block| {
            let host = block.host_ordinal(probe.ip)?;
            let port = block.port_ordinal(probe.port)?;
            Some(block.first_linear + host * block.port_count + port)
        })
    }

    /// The index at which `probe` is probed, when it lies in the targets.
    pub fn index_of(&self, probe: Probe) -> Option<u64> {
        self.permutation.inverse(self.linear_of(probe)?)
    }

    /// True when `ip` is an address of the targets.
    pub fn has_host(&self, ip: IpAddr, protocol: Protocol) -> bool {
        self.blocks.iter().any(|block| block.protocol == protocol && block.host_ordinal(ip).is_some())
    }

    /// The probes at the indices `from` ≤ i < `to`, in probing order, each with its index.
    pub fn probes(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, Probe)> + '_ {
        (from..to.min(self.count())).filter_map(|index| Some((index, self.probe_at(index)?)))
    }

    /// How many of the indices `from` ≤ i < `to` are covered by `exclusions`. Walks whichever is smaller: the
    /// range or the excluded part of the targets.
    pub fn excluded_between(&self, targets: &[Target], exclusions: &Exclusions, from: u64, to: u64) -> u64 {
        if exclusions.is_empty() || from >= to {
            return 0;
        }
        let excluded: Vec<Target> = targets.iter().flat_map(|target| exclusions.covered_part(target)).collect();
        let covered = excluded.iter().fold(0_u128, |sum, target| sum.saturating_add(target.probe_count()));
        if covered == 0 {
            return 0;
        }
        if from == 0 && to >= self.count() {
            return covered as u64;
        }
        if covered > u128::from(to - from) {
            return self.probes(from, to).filter(|(_, probe)| exclusions.covers(*probe)).count() as u64;
        }
        let mut found = 0;
        for target in &excluded {
            for range in &target.addresses {
                for ip in (0..range.count()).filter_map(|n| range.nth(n)) {
                    for port in target.ports.iter() {
                        let index = self.index_of(Probe { ip, protocol: target.protocol, port });
                        found += u64::from(index.is_some_and(|index| (from..to).contains(&index)));
                    }
                }
            }
        }
        found
    }
}

/// Refuses when an address × port lies in two targets.
fn check_disjoint(targets: &[Target]) -> Result<(), BadTargets> {
    // Sweep over the address ranges of all targets: only those that share an address need their ports compared.
    let mut ends: Vec<(IpRange, usize)> = targets
        .iter()
        .enumerate()
        .flat_map(|(n, target)| target.addresses.iter().map(move |&range| (range, n)))
        .collect();
    ends.sort_unstable();
    let mut open: Vec<(IpRange, usize)> = Vec::new();
    for (range, n) in ends {
        open.retain(|(other, _)| other.last() >= range.first() && other.is_ipv4() == range.is_ipv4());
        for &(_, m) in &open {
            if n != m
                && targets[n].protocol == targets[m].protocol
                && !targets[n].ports.intersect(&targets[m].ports).is_empty()
            {
                return Err(BadTargets::Overlap(n.min(m), n.max(m)));
            }
        }
        open.push((range, n));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::exclusions::Exclusion;

    fn target(ranges: &[&str], ports: &[(u16, u16)]) -> Target {
        Target {
            protocol: Protocol::Tcp,
            addresses: ranges.iter().map(|text| text.parse().expect("range")).collect(),
            ports: PortSet::from_ranges(ports.iter().copied()),
        }
    }

    fn spaces() -> impl Strategy<Value = Vec<Target>> {
        let one = (1_u32..6, 1_u32..6, 1_u16..5, 1_u16..5);
        proptest::collection::vec(one, 1..4).prop_map(|parts| {
            parts
                .into_iter()
                .enumerate()
                .map(|(n, (gap, hosts, ports, more))| {
                    let base = u32::try_from(n).expect("small") * 64;
                    let address = |m: u32| IpAddr::V4((0x0a00_0000 + base + m).into());
                    Target {
                        protocol: Protocol::Tcp,
                        addresses: vec![
                            IpRange::new(address(0), address(hosts - 1)).expect("ordered"),
                            IpRange::new(address(hosts + gap), address(hosts + gap + 1)).expect("ordered"),
                        ],
                        ports: PortSet::from_ranges([(10, 9 + ports), (100, 99 + more)]),
                    }
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn index_and_probe_are_inverse_and_cover_everything(targets in spaces(), seed in any::<[u8; 16]>()) {
            let space = IndexSpace::new(&targets, Seed(seed)).expect("good");
            let naive: Vec<Probe> = targets
                .iter()
                .flat_map(|t| t.addresses.iter().flat_map(|r| (0..r.count()).filter_map(|n| r.nth(n))).flat_map(|ip| {
                    t.ports.iter().map(move |port| Probe { ip, protocol: Protocol::Tcp, port })
                }))
                .collect();
            prop_assert_eq!(space.count(), naive.len() as u64);
            for (linear, probe) in naive.iter().enumerate() {
                prop_assert_eq!(space.probe_of_linear(linear as u64), Some(*probe));
                prop_assert_eq!(space.linear_of(*probe), Some(linear as u64));
            }
            let mut seen = BTreeSet::new();
            for (index, probe) in space.probes(0, space.count()) {
                prop_assert_eq!(space.index_of(probe), Some(index));
                prop_assert!(seen.insert(probe));
            }
            prop_assert_eq!(seen.len(), naive.len());
        }

        #[test]
        fn excluded_indices_are_counted_either_way(targets in spaces(), from in 0_u64..40, length in 0_u64..200) {
            let space = IndexSpace::new(&targets, Seed([3; 16])).expect("good");
            let exclusions = Exclusions::new(vec![
                Exclusion { cidr: "10.0.0.0/30".parse().expect("net"), ports: PortSet::new() },
                Exclusion { cidr: "10.0.0.64/29".parse().expect("net"), ports: PortSet::from_ranges([(10, 11)]) },
            ]);
            let to = (from + length).min(space.count());
            let naive = space.probes(from, to).filter(|(_, probe)| exclusions.covers(*probe)).count() as u64;
            prop_assert_eq!(space.excluded_between(&targets, &exclusions, from, to), naive);
        }
    }

    #[test]
    fn refuses_what_makes_no_space() {
        let seed = Seed([0; 16]);
        let refusal = |targets: &[Target]| IndexSpace::new(targets, seed).expect_err("refused");
        assert_eq!(refusal(&[]), BadTargets::Empty);
        assert_eq!(refusal(&[target(&["10.0.0.1"], &[])]), BadTargets::EmptyTarget(0));
        assert_eq!(refusal(&[target(&["10.0.0.2", "10.0.0.1"], &[(1, 1)])]), BadTargets::Unordered(0));
        assert_eq!(refusal(&[target(&["10.0.0.1", "2001:db8::1"], &[(1, 1)])]), BadTargets::Unordered(0));
        assert_eq!(
            refusal(&[target(&["10.0.0.0/24"], &[(1, 9)]), target(&["10.0.0.5"], &[(9, 9)])]),
            BadTargets::Overlap(0, 1)
        );
        assert_eq!(refusal(&[target(&["::/0"], &[(1, 9)])]), BadTargets::TooLarge);
        assert!(
            IndexSpace::new(&[target(&["10.0.0.0/24"], &[(1, 9)]), target(&["10.0.0.5"], &[(10, 10)])], seed).is_ok()
        );
    }
}
