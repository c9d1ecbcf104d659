//! Address ranges that are never probed, product S15 and S16.
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::address::{IpRange, IpSet, embedded_forms};
use crate::ports::PortSet;
use crate::targets::{Probe, Target};

/// One exclusion: `ports` of `cidr`; no ports means all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exclusion {
    /// The network.
    pub cidr: IpNet,
    /// The ports; empty = all.
    #[serde(default)]
    pub ports: PortSet,
}

impl Exclusion {
    /// The whole of `cidr`.
    pub const fn all_ports(cidr: IpNet) -> Self {
        Self { cidr, ports: PortSet::new() }
    }

    /// The ranges it means: the network and, for IPv4, its NAT64, 6to4 and v4-mapped forms.
    pub fn ranges(&self) -> Vec<IpRange> {
        let mut ranges = vec![IpRange::from(self.cidr)];
        if let IpNet::V4(net) = self.cidr {
            ranges.extend(embedded_forms(net));
        }
        ranges
    }
}

/// A built-in exclusion, with its reason.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// Its name, as the exclusions page shows it.
    pub name: &'static str,
    /// The network.
    pub cidr: &'static str,
    /// Why it is never probed.
    pub reason: &'static str,
}

/// The exclusions that every installation starts with, and the scanner's own default deny list (S16).
pub const BUILT_IN: [BuiltIn; 13] = [
    BuiltIn { name: "this-network-v4", cidr: "0.0.0.0/8", reason: "\"this network\", RFC 1122" },
    BuiltIn { name: "loopback-v4", cidr: "127.0.0.0/8", reason: "loopback, RFC 1122" },
    BuiltIn { name: "link-local-v4", cidr: "169.254.0.0/16", reason: "link-local and cloud metadata, RFC 3927" },
    BuiltIn { name: "documentation-1-v4", cidr: "192.0.2.0/24", reason: "documentation, RFC 5737" },
    BuiltIn { name: "documentation-2-v4", cidr: "198.51.100.0/24", reason: "documentation, RFC 5737" },
    BuiltIn { name: "documentation-3-v4", cidr: "203.0.113.0/24", reason: "documentation, RFC 5737" },
    BuiltIn { name: "multicast-v4", cidr: "224.0.0.0/4", reason: "multicast, RFC 5771" },
    BuiltIn { name: "reserved-v4", cidr: "240.0.0.0/4", reason: "reserved and broadcast, RFC 1112" },
    BuiltIn { name: "unspecified-v6", cidr: "::/128", reason: "the unspecified address, RFC 4291" },
    BuiltIn { name: "loopback-v6", cidr: "::1/128", reason: "loopback, RFC 4291" },
    BuiltIn { name: "link-local-v6", cidr: "fe80::/10", reason: "link-local, RFC 4291" },
    BuiltIn { name: "multicast-v6", cidr: "ff00::/8", reason: "multicast, RFC 4291" },
    BuiltIn { name: "documentation-v6", cidr: "2001:db8::/32", reason: "documentation, RFC 3849" },
];

/// The built-in exclusions as exclusions.
pub fn built_in() -> Vec<Exclusion> {
    BUILT_IN.iter().filter_map(|entry| entry.cidr.parse().ok()).map(Exclusion::all_ports).collect()
}

/// A set of exclusions, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct Exclusions {
    whole: IpSet,
    by_port: Vec<(IpSet, PortSet)>,
    list: Vec<Exclusion>,
}

impl Exclusions {
    /// Prepares `list`.
    pub fn new(list: Vec<Exclusion>) -> Self {
        let whole = list.iter().filter(|e| e.ports.is_empty()).flat_map(Exclusion::ranges).collect();
        let by_port = list
            .iter()
            .filter(|e| !e.ports.is_empty())
            .map(|e| (e.ranges().into_iter().collect(), e.ports.clone()))
            .collect();
        Self { whole, by_port, list }
    }

    /// The list that it was made from.
    pub fn list(&self) -> &[Exclusion] {
        &self.list
    }

    /// True when nothing is excluded.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The addresses that are excluded on every port.
    pub const fn whole(&self) -> &IpSet {
        &self.whole
    }

    /// True when every port of `ip` is excluded.
    pub fn covers_host(&self, ip: IpAddr) -> bool {
        self.whole.contains(ip)
    }

    /// True when `probe` must not be made.
    pub fn covers(&self, probe: Probe) -> bool {
        self.whole.contains(probe.ip)
            || self.by_port.iter().any(|(ips, ports)| ports.contains(probe.port) && ips.contains(probe.ip))
    }

    /// Those exclusions that meet one of `targets`.
    pub fn meeting(&self, targets: &[Target]) -> Vec<Exclusion> {
        let sets: Vec<(IpSet, &PortSet)> = targets.iter().map(|target| (target.address_set(), &target.ports)).collect();
        self.list
            .iter()
            .filter(|exclusion| {
                let ips: IpSet = exclusion.ranges().into_iter().collect();
                sets.iter().any(|(addresses, ports)| {
                    (exclusion.ports.is_empty() || !exclusion.ports.intersect(ports).is_empty())
                        && ips.intersects(addresses)
                })
            })
            .cloned()
            .collect()
    }

    /// `addresses` × `ports` without what is excluded, as disjoint blocks of equal ports, in address order.
    pub fn subtract(&self, addresses: &IpSet, ports: &PortSet) -> Vec<(IpSet, PortSet)> {
        let mut blocks = vec![(addresses.subtract(&self.whole), ports.clone())];
        for (ips, hidden) in &self.by_port {
            let mut next = Vec::with_capacity(blocks.len());
            for (set, ports) in blocks {
                let inside = set.intersect(ips);
                if inside.is_empty() || ports.intersect(hidden).is_empty() {
                    next.push((set, ports));
                } else {
                    next.push((set.subtract(ips), ports.clone()));
                    next.push((inside, ports.subtract(hidden)));
                }
            }
            blocks = next;
        }
        blocks.retain(|(set, ports)| !set.is_empty() && !ports.is_empty());
        blocks.sort_by_key(|(set, _)| set.ranges().next());
        blocks
    }

    /// The part of `target` that is excluded, as disjoint targets.
    pub fn covered_part(&self, target: &Target) -> Vec<Target> {
        let addresses = target.address_set();
        let block = |set: &IpSet, ports: &PortSet| Target {
            protocol: target.protocol,
            addresses: set.ranges().collect(),
            ports: ports.clone(),
        };
        let mut parts = Vec::new();
        let inside = addresses.intersect(&self.whole);
        if !inside.is_empty() {
            parts.push(block(&inside, &target.ports));
        }
        // What no earlier exclusion has taken: blocks that shrink with each exclusion by port.
        let mut left = vec![(addresses.subtract(&self.whole), target.ports.clone())];
        for (ips, hidden) in &self.by_port {
            let mut next = Vec::with_capacity(left.len());
            for (set, ports) in left {
                let (inside, taken) = (set.intersect(ips), ports.intersect(hidden));
                if inside.is_empty() || taken.is_empty() {
                    next.push((set, ports));
                    continue;
                }
                parts.push(block(&inside, &taken));
                next.push((set.subtract(ips), ports.clone()));
                next.push((inside, ports.subtract(hidden)));
            }
            left = next;
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ports::Protocol;

    #[test]
    fn built_ins_hold_their_embedded_forms() {
        let exclusions = Exclusions::new(built_in());
        assert_eq!(exclusions.list().len(), BUILT_IN.len());
        for ip in [
            "127.0.0.1",
            "0.1.2.3",
            "255.255.255.255",
            "239.1.1.1",
            "::1",
            "fe80::1",
            "2001:db8::5",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::",
        ] {
            assert!(exclusions.covers_host(ip.parse().expect("ip")), "{ip}");
        }
        for ip in ["10.0.0.1", "8.8.8.8", "2002:a00:1::1", "2606::1", "64:ff9b::808:808"] {
            assert!(!exclusions.covers_host(ip.parse().expect("ip")), "{ip}");
        }
    }

    fn exclusion() -> impl Strategy<Value = Exclusion> {
        (0_u32..32, 27_u8..=32, proptest::collection::vec((1_u16..8, 0_u16..3), 0..3)).prop_map(|(ip, bits, ports)| {
            Exclusion {
                cidr: IpNet::new(IpAddr::V4((0x0a00_0000 + ip).into()), bits).expect("bits").trunc(),
                ports: PortSet::from_ranges(ports.into_iter().map(|(a, n)| (a, a + n))),
            }
        })
    }

    proptest! {
        #[test]
        fn subtraction_leaves_exactly_what_is_not_covered(list in proptest::collection::vec(exclusion(), 0..5)) {
            let exclusions = Exclusions::new(list);
            let addresses: IpSet = [IpRange::parse("10.0.0.0/27").expect("net")].into_iter().collect();
            let ports = PortSet::from_ranges([(1, 9)]);
            let blocks = exclusions.subtract(&addresses, &ports);
            let target = Target::tcp(&addresses, ports.clone());
            let covered = exclusions.covered_part(&target);
            for ip in (0..32).map(|n| IpAddr::V4((0x0a00_0000_u32 + n).into())) {
                for port in ports.iter() {
                    let probe = Probe { ip, protocol: Protocol::Tcp, port };
                    let kept = blocks.iter().filter(|(s, p)| s.contains(ip) && p.contains(port)).count();
                    let taken = covered.iter().filter(|t| t.address_set().contains(ip) && t.ports.contains(port)).count();
                    prop_assert_eq!(kept, usize::from(!exclusions.covers(probe)));
                    prop_assert_eq!(taken, usize::from(exclusions.covers(probe)));
                }
            }
        }
    }
}
