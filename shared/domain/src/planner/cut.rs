//! Cutting a share into jobs: host-major, by port slices when one host exceeds the limits (product 7.4).
use serde::{Deserialize, Serialize};

use super::{RateClass, Share};
use crate::address::IpSet;
use crate::ports::PortSet;
use crate::targets::Target;

/// Probes a second that a scanner is thought to make until it was measured.
const UNMEASURED_PPS: f64 = 500.0;

/// What one job may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Estimated time.
    pub seconds: u32,
    /// Hosts.
    pub hosts: u64,
    /// Probes.
    pub probes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { seconds: 15 * 60, hosts: 4_096, probes: 5_000_000 }
    }
}

/// One job of a cut, as `jobs.scope_cuts` keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slice {
    /// What to probe.
    pub targets: Vec<Target>,
    /// Probes a second, 0 = unlimited.
    pub rate_pps: u32,
    /// Probes a second on one address, 0 = unlimited.
    pub per_host_pps: u32,
    /// Limits left less than one probe a second.
    #[serde(default)]
    pub rate_exhausted: bool,
    /// N.
    pub probes: u64,
    /// Hosts.
    pub hosts: u64,
    /// Estimate, at least a minute.
    pub estimated_seconds: u32,
}

/// Cuts `share` into jobs. `measured_pps` is the moving mean of what the scanner really did.
pub fn cut(share: &Share, measured_pps: Option<f64>, limits: Limits) -> Vec<Slice> {
    share.classes.iter().flat_map(|class| cut_class(class, measured_pps, limits)).collect()
}

struct Cutter<'a> {
    class: &'a RateClass,
    pace: f64,
    limits: Limits,
    budget: u64,
    targets: Vec<Target>,
    hosts: u64,
    probes: u64,
    slices: Vec<Slice>,
}

fn cut_class(class: &RateClass, measured_pps: Option<f64>, limits: Limits) -> Vec<Slice> {
    let pace = match class.rate_pps {
        0 => measured_pps.filter(|pps| pps.is_finite() && *pps >= 1.0).unwrap_or(UNMEASURED_PPS),
        rate => f64::from(rate),
    };
    let budget = ((pace * f64::from(limits.seconds)) as u64).clamp(1, limits.probes.max(1));
    let mut cutter =
        Cutter { class, pace, limits, budget, targets: Vec::new(), hosts: 0, probes: 0, slices: Vec::new() };
    for target in &class.targets {
        if u64::from(target.ports.count()) > budget {
            cutter.by_ports(target);
        } else {
            cutter.by_hosts(target.address_set(), &target.ports);
        }
    }
    cutter.flush();
    cutter.slices
}

impl Cutter<'_> {
    /// Takes as many hosts as fit, job after job.
    fn by_hosts(&mut self, mut left: IpSet, ports: &PortSet) {
        let per_host = u64::from(ports.count());
        while !left.is_empty() {
            let room = (self.limits.hosts - self.hosts).min((self.budget - self.probes) / per_host);
            if room == 0 {
                self.flush();
                continue;
            }
            let (head, tail) = left.split_at(room.into());
            self.add(&head, ports);
            left = tail;
        }
    }

    /// One host exceeds the limits: each slice of its ports is a job of its own.
    fn by_ports(&mut self, target: &Target) {
        self.flush();
        let slices = target.ports.split(u32::try_from(self.budget).unwrap_or(u32::MAX));
        let mut left = target.address_set();
        while !left.is_empty() {
            let (host, tail) = left.split_at(1);
            for ports in &slices {
                self.add(&host, ports);
                self.flush();
            }
            left = tail;
        }
    }

    fn add(&mut self, addresses: &IpSet, ports: &PortSet) {
        let hosts = addresses.count() as u64;
        self.hosts += hosts;
        self.probes += hosts * u64::from(ports.count());
        self.targets.push(Target::tcp(addresses, ports.clone()));
    }

    fn flush(&mut self) {
        if self.targets.is_empty() {
            return;
        }
        let seconds = (self.probes as f64 / self.pace).ceil();
        self.slices.push(Slice {
            targets: std::mem::take(&mut self.targets),
            rate_pps: self.class.rate_pps,
            per_host_pps: self.class.per_host_pps,
            rate_exhausted: self.class.rate_exhausted,
            probes: std::mem::take(&mut self.probes),
            hosts: std::mem::take(&mut self.hosts),
            estimated_seconds: (seconds as u32).max(60),
        });
    }
}
