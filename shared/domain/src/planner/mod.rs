//! Planning: from targets, ports, scanners and exclusions to the shares of the scanners, and from a share to jobs
//! (product 7.2, 7.3, 7.4). Pure: who resolves names and reads tables gives the results in.
mod cut;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use cut::{Limits, Slice, cut};

use crate::address::{IpRange, IpSet};
use crate::canonical_json;
use crate::exclusions::Exclusions;
use crate::hash::Hash256;
use crate::ids::ScannerId;
use crate::ports::Ports;
use crate::targets::Target;

/// A target source with its addresses resolved: a subnet, an FQDN, a discovery list, or the targets of an ad-hoc scan.
#[derive(Clone, Debug)]
pub struct SourceInput {
    /// What people call it, such as `subnet office`.
    pub label: String,
    /// Its addresses.
    pub addresses: IpSet,
    /// Probes a second over all its scanners, 0 = unlimited.
    pub rate_limit: u32,
    /// The scanners assigned to it, directly or by group.
    pub scanners: BTreeSet<ScannerId>,
}

/// A scanner that may be given work.
#[derive(Clone, Debug)]
pub struct ScannerInput {
    /// Its id.
    pub id: ScannerId,
    /// Its name.
    pub name: String,
    /// Probes a second, 0 = unlimited.
    pub rate_limit: u32,
    /// Jobs at the same time.
    pub max_concurrent_jobs: u32,
    /// Moving mean of what it really did.
    pub measured_pps: Option<f64>,
    /// Why it gets no new jobs (`disabled`, `draining`); none = it does.
    pub unavailable: Option<&'static str>,
}

/// Everything that a plan depends on.
#[derive(Clone, Debug)]
pub struct PlanInput {
    /// The target sources.
    pub sources: Vec<SourceInput>,
    /// The union of the port lists.
    pub ports: Ports,
    /// The lowest rate among the port lists in use, 0 = unlimited.
    pub port_rate_limit: u32,
    /// All scanners that a source names.
    pub scanners: Vec<ScannerInput>,
    /// Enabled exclusions.
    pub exclusions: Exclusions,
    /// `MAX_TARGET_IPS`.
    pub max_target_ips: u128,
    /// `MAX_PROBES_PER_SCAN`.
    pub max_probes: u128,
    /// `FLEET_MAX_PPS_PER_HOST`, 0 = unlimited.
    pub fleet_max_pps_per_host: u32,
    /// Loopback targets know no fleet cap (development).
    pub exempt_loopback: bool,
}

/// Why there is no plan. Stored as the reason of the failed scan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is left to probe.
    #[error("nothing is left to scan: {0}")]
    NothingToScan(&'static str),
    /// No target has a scanner that takes jobs.
    #[error("no target has a scanner that takes jobs")]
    NoScanner,
    /// Above a limit.
    #[error(
        "the scope is too large: {addresses} addresses (at most {max_addresses}), {probes} probes (at most {max_probes})"
    )]
    ScopeTooLarge {
        /// Addresses of the scope.
        addresses: u128,
        /// Probes of the scope over all scanners.
        probes: u128,
        /// `MAX_TARGET_IPS`.
        max_addresses: u128,
        /// `MAX_PROBES_PER_SCAN`.
        max_probes: u128,
    },
}

impl Refusal {
    /// The stable word, stored as `status_reason`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NothingToScan(_) => "nothing_to_scan",
            Self::NoScanner => "no_scanner",
            Self::ScopeTooLarge { .. } => "scope_too_large",
        }
    }
}

/// Something that people should know about a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// A stable word.
    pub code: String,
    /// A sentence.
    pub message: String,
}

impl Warning {
    /// A warning.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

/// Targets of one scanner that have equal rates. They never share a job with others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateClass {
    /// Probes a second of each of its jobs, 0 = unlimited.
    pub rate_pps: u32,
    /// Probes a second on one address, 0 = unlimited.
    pub per_host_pps: u32,
    /// A division of limits left less than one probe a second: job error `rate-limit-exhausted`.
    pub rate_exhausted: bool,
    /// The targets, disjoint, in address order.
    pub targets: Vec<Target>,
}

/// What one scanner scans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// The scanner.
    pub scanner_id: ScannerId,
    /// Its targets by rate.
    pub classes: Vec<RateClass>,
}

impl Share {
    /// The hash of scope and rates under which the cut is kept (`jobs.scope_cuts`).
    pub fn cut_key(&self) -> Hash256 {
        Hash256::of(&canonical_json::to_vec(&self.classes))
    }

    /// How many probes it means.
    pub fn probe_count(&self) -> u128 {
        self.classes.iter().flat_map(|class| &class.targets).fold(0, |sum, t| sum.saturating_add(t.probe_count()))
    }

    /// Its addresses.
    pub fn addresses(&self) -> IpSet {
        self.ranges().collect()
    }

    fn ranges(&self) -> impl Iterator<Item = IpRange> + '_ {
        self.classes.iter().flat_map(|class| &class.targets).flat_map(|target| target.addresses.iter().copied())
    }
}

/// The frozen scope of a scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// A share for each scanner, in the order of their ids.
    pub shares: Vec<Share>,
    /// Distinct addresses.
    pub hosts: u64,
    /// Probes over all scanners.
    pub probes: u64,
    /// What people should know.
    pub warnings: Vec<Warning>,
}

/// Plans: subtracts, merges, shares out. The result depends on nothing but `input`.
pub fn plan(input: &PlanInput) -> Result<Plan, Refusal> {
    let mut warnings = Vec::new();
    if !input.ports.udp.is_empty() {
        warnings.push(Warning::new("udp_not_scanned", format!("Not scanned: udp ports {}.", input.ports.udp)));
    }
    if input.ports.tcp.is_empty() {
        return Err(Refusal::NothingToScan(if input.ports.udp.is_empty() {
            "the template has no ports"
        } else {
            "all its ports are udp, and only tcp is probed"
        }));
    }
    let scanners: BTreeMap<ScannerId, &ScannerInput> = input.scanners.iter().map(|s| (s.id, s)).collect();
    let available = |id: &ScannerId| scanners.get(id).is_some_and(|scanner| scanner.unavailable.is_none());
    for source in &input.sources {
        if source.addresses.is_empty() {
            warnings.push(Warning::new("empty_source", format!("{} holds no address now.", source.label)));
        } else if source.scanners.is_empty() {
            warnings.push(Warning::new(
                "source_without_scanner",
                format!("{} has no scanner and is skipped.", source.label),
            ));
        } else if !source.scanners.iter().any(available) {
            let message = format!("No scanner of {} takes jobs now; it is skipped.", source.label);
            warnings.push(Warning::new("source_without_scanner", message));
        }
    }
    for scanner in &input.scanners {
        if let Some(why) = scanner.unavailable
            && input.sources.iter().any(|source| source.scanners.contains(&scanner.id))
        {
            let message = format!("Scanner {} is {why} and gets no jobs.", scanner.name);
            warnings.push(Warning::new("scanner_skipped", message));
        }
    }
    let whole: IpSet = input.sources.iter().flat_map(|source| source.addresses.ranges()).collect();
    if whole.is_empty() {
        return Err(Refusal::NothingToScan("the targets hold no address"));
    }
    let excluded = whole.intersect(input.exclusions.whole());
    if !excluded.is_empty() {
        let message = format!("{} of {} addresses are excluded and not scanned.", excluded.count(), whole.count());
        warnings.push(Warning::new("excluded", message));
    }
    if input.exclusions.subtract(&whole, &input.ports.tcp).is_empty() {
        return Err(Refusal::NothingToScan("every target is excluded"));
    }
    let working: Vec<&ScannerInput> = scanners
        .values()
        .copied()
        .filter(|scanner| scanner.unavailable.is_none())
        .filter(|scanner| input.sources.iter().any(|s| s.scanners.contains(&scanner.id) && !s.addresses.is_empty()))
        .collect();
    if working.is_empty() {
        return Err(Refusal::NoScanner);
    }
    let shares: Vec<Share> = working
        .iter()
        .map(|scanner| share(input, scanner, working.len() as u32, &available))
        .filter(|share| !share.classes.is_empty())
        .collect();
    if shares.is_empty() {
        return Err(Refusal::NothingToScan("what the working scanners would scan is excluded"));
    }
    let addresses: IpSet = shares.iter().flat_map(Share::ranges).collect();
    let probes = shares.iter().fold(0_u128, |sum, share| sum.saturating_add(share.probe_count()));
    if addresses.count() > input.max_target_ips || probes > input.max_probes {
        return Err(Refusal::ScopeTooLarge {
            addresses: addresses.count(),
            probes,
            max_addresses: input.max_target_ips,
            max_probes: input.max_probes,
        });
    }
    Ok(Plan { shares, hosts: addresses.count() as u64, probes: probes as u64, warnings })
}

/// A rate that is 0 when unlimited; less than one probe a second counts as one and is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rate {
    // Unlimited sorts last, so that the lower rate takes an address first.
    unlimited: bool,
    pps: u32,
    exhausted: bool,
}

impl Rate {
    const UNLIMITED: Self = Self { unlimited: true, pps: 0, exhausted: false };

    fn divided(limit: u32, by: u32) -> Self {
        if limit == 0 {
            return Self::UNLIMITED;
        }
        let pps = limit / by.max(1);
        Self { unlimited: false, pps: pps.max(1), exhausted: pps == 0 }
    }

    fn lower(self, other: Self) -> Self {
        let exhausted = self.exhausted || other.exhausted;
        Self { exhausted, ..self.min(other) }
    }
}

fn share(input: &PlanInput, scanner: &ScannerInput, vantages: u32, available: &dyn Fn(&ScannerId) -> bool) -> Share {
    let own =
        Rate::divided(scanner.rate_limit, scanner.max_concurrent_jobs).lower(Rate::divided(input.port_rate_limit, 1));
    // Gathered first and merged once: a union for each of ten thousand subnets would be quadratic.
    let mut by_rate: BTreeMap<Rate, Vec<IpRange>> = BTreeMap::new();
    for source in input.sources.iter().filter(|source| source.scanners.contains(&scanner.id)) {
        let sharing = source.scanners.iter().filter(|id| available(id)).count() as u32;
        let rate = Rate::divided(source.rate_limit, sharing).lower(own);
        by_rate.entry(rate).or_default().extend(source.addresses.ranges());
    }
    let loopback: IpSet = ["127.0.0.0/8", "::1"].iter().filter_map(|text| IpRange::parse(text).ok()).collect();
    let per_host = match input.fleet_max_pps_per_host {
        0 => 0,
        fleet => (fleet / vantages.max(1)).max(1),
    };
    let mut taken = IpSet::new();
    let mut classes = Vec::new();
    for (rate, ranges) in by_rate {
        let fresh = ranges.into_iter().collect::<IpSet>().subtract(&taken);
        taken = taken.union(&fresh);
        let parts = if input.exempt_loopback && per_host > 0 {
            vec![(fresh.subtract(&loopback), per_host), (fresh.intersect(&loopback), 0)]
        } else {
            vec![(fresh, per_host)]
        };
        for (addresses, per_host_pps) in parts {
            let targets: Vec<Target> = input
                .exclusions
                .subtract(&addresses, &input.ports.tcp)
                .into_iter()
                .flat_map(|(set, ports)| {
                    let (v4, v6) = set.by_family();
                    [v4, v6].into_iter().filter(|s| !s.is_empty()).map(move |s| Target::tcp(&s, ports.clone()))
                })
                .collect();
            if !targets.is_empty() {
                classes.push(RateClass { rate_pps: rate.pps, per_host_pps, rate_exhausted: rate.exhausted, targets });
            }
        }
    }
    Share { scanner_id: scanner.id, classes }
}

#[cfg(test)]
mod tests;
