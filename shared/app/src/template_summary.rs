//! What a scan of some targets and ports would do, before it is run: addresses, ports, probes, scanners, warnings.
//!
//! Planning (`planning`) decides for real; this reads the same rows by the same rules, so that nobody is surprised.
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mipo_domain::address::{IpRange, IpSet};
use mipo_domain::exclusions::Exclusions;
use mipo_domain::ids::ScannerId;
use mipo_domain::ports::Ports;
use mipo_store::Conn;
use mipo_store::config::port_lists::{self, PortList};
use mipo_store::config::scanners::{self, Scanner};
use mipo_store::config::subnets::{self, Subnet};
use uuid::Uuid;

use crate::blackouts::{self, InForce};
use crate::scanners::is_draining;
use crate::templates::Sources;
use crate::{AppError, exclusions, port_lists as port_list_rules};

/// Probes per second assumed of a scanner that has not been measured.
const UNMEASURED_PPS: f64 = 500.0;
/// No job is estimated below this.
const SHORTEST_SECONDS: f64 = 60.0;

/// Above these a plan is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `MAX_TARGET_IPS`.
    pub target_ips: u128,
    /// `MAX_PROBES_PER_SCAN`.
    pub probes: u128,
}

impl Default for Limits {
    fn default() -> Self {
        Self { target_ips: 16_777_216, probes: 1_000_000_000 }
    }
}

/// Something that whoever runs the scan should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Stable word, such as `no_scanner`.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// True when nothing would be scanned at all.
    pub blocks: bool,
}

/// A scanner that would take part.
#[derive(Clone, Debug)]
pub struct Vantage {
    /// Its id.
    pub id: ScannerId,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: String,
    /// Addresses that it would scan.
    pub ips: u128,
    /// Probes that it would make.
    pub probes: u128,
    /// How long that would take it.
    pub seconds: u64,
}

/// What a scan would do.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Addresses, each once, without what is excluded.
    pub ips: u128,
    /// Addresses that an exclusion takes away.
    pub excluded_ips: u128,
    /// TCP ports, each once.
    pub ports: u32,
    /// UDP ports, which are not scanned.
    pub udp_ports: u32,
    /// Addresses × ports, without what is excluded, as one vantage sees them.
    pub probes: u128,
    /// Scanners that would take part.
    pub scanners: Vec<Vantage>,
    /// How long the slowest of them would take; 0 when none would.
    pub seconds: u64,
    /// What to know before.
    pub warnings: Vec<Warning>,
    /// Blackout windows that can hold it, at whatever time.
    pub blackouts: Vec<InForce>,
}

impl Summary {
    /// Why it cannot run, if so.
    pub fn blocked(&self) -> Option<&Warning> {
        self.warnings.iter().find(|warning| warning.blocks)
    }

    fn warn(&mut self, code: &'static str, message: String) {
        self.warnings.push(Warning { code, message, blocks: false });
    }

    fn block(&mut self, code: &'static str, message: String) {
        self.warnings.push(Warning { code, message, blocks: true });
    }
}

/// Rows that summaries are made of, read once for many.
struct Rows {
    subnets: Vec<Subnet>,
    lists: Vec<PortList>,
    scanners: Vec<Scanner>,
    exclusions: Exclusions,
    blackouts: Vec<InForce>,
    now: DateTime<Utc>,
}

/// The summary of `sources`, whose ids are known.
pub(crate) async fn of(
    conn: &mut Conn,
    sources: &Sources,
    now: DateTime<Utc>,
    limits: Limits,
) -> Result<Summary, AppError> {
    let mut all = of_many(conn, std::slice::from_ref(sources), now, limits).await?;
    all.pop().ok_or_else(|| AppError::Internal("no summary was made".to_owned()))
}

/// The summaries of several sources, in their order.
pub(crate) async fn of_many(
    conn: &mut Conn,
    all: &[Sources],
    now: DateTime<Utc>,
    limits: Limits,
) -> Result<Vec<Summary>, AppError> {
    let ids = |of: fn(&Sources) -> &Vec<Uuid>| {
        let mut ids: Vec<Uuid> = all.iter().flat_map(of).copied().collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let subnets = subnets::get_many(conn, ids(|sources| &sources.subnets)).await?;
    let lists = port_lists::get_many(conn, ids(|sources| &sources.port_lists)).await?;
    let mut assigned: Vec<Uuid> = subnets.iter().flat_map(|subnet| subnet.scanners.iter().map(|s| s.id)).collect();
    assigned.sort_unstable();
    assigned.dedup();
    let scanners = scanners::get_many(conn, assigned).await?;
    let exclusions = exclusions::in_force(conn).await?;
    let blackouts = blackouts::in_force(conn, now).await?;
    let rows = Rows { subnets, lists, scanners, exclusions, blackouts, now };
    all.iter().map(|sources| rows.summary(sources, limits)).collect()
}

impl Rows {
    fn summary(&self, sources: &Sources, limits: Limits) -> Result<Summary, AppError> {
        let mut summary = Summary::default();
        let subnets: Vec<&Subnet> =
            self.subnets.iter().filter(|subnet| sources.subnets.contains(&subnet.id.as_uuid())).collect();
        let lists: Vec<&PortList> =
            self.lists.iter().filter(|list| sources.port_lists.contains(&list.id.as_uuid())).collect();

        let mut ports = Ports::default();
        for list in &lists {
            ports = ports.union(&port_list_rules::ports_of(list)?);
        }
        summary.ports = ports.tcp.count();
        summary.udp_ports = ports.udp.count();

        let wanted: IpSet = subnets.iter().map(|subnet| IpRange::from(subnet.cidr)).collect();
        let allowed = wanted.subtract(self.exclusions.whole());
        summary.ips = allowed.count();
        summary.excluded_ips = wanted.count() - summary.ips;
        summary.probes = self.probes(&allowed, &ports);

        self.vantages(&mut summary, &subnets, &lists, &ports);
        self.warnings(&mut summary, &subnets, &lists, limits);
        self.blackouts(&mut summary, &subnets);
        Ok(summary)
    }

    fn probes(&self, addresses: &IpSet, ports: &Ports) -> u128 {
        let blocks = self.exclusions.subtract(addresses, &ports.tcp);
        blocks
            .iter()
            .fold(0, |sum: u128, (set, ports)| sum.saturating_add(set.count().saturating_mul(ports.count().into())))
    }

    fn vantages(&self, summary: &mut Summary, subnets: &[&Subnet], lists: &[&PortList], ports: &Ports) {
        let list_rate = lists.iter().map(|list| list.rate_limit).filter(|rate| *rate > 0).min();
        let mut shares: BTreeMap<Uuid, Vec<&Subnet>> = BTreeMap::new();
        for subnet in subnets {
            for scanner in subnet.scanners.iter() {
                shares.entry(scanner.id).or_default().push(subnet);
            }
        }
        let now_usable = |scanner: &Scanner| scanner.status != "disabled" && !is_draining(scanner, self.now);
        for scanner in self.scanners.iter().filter(|scanner| now_usable(scanner)) {
            let Some(share) = shares.get(&scanner.id.as_uuid()) else { continue };
            let addresses = share
                .iter()
                .map(|subnet| IpRange::from(subnet.cidr))
                .collect::<IpSet>()
                .subtract(self.exclusions.whole());
            let mut seconds = 0.0;
            for subnet in share {
                let part = IpSet::from_ranges([IpRange::from(subnet.cidr)]).subtract(self.exclusions.whole());
                let fair =
                    |rate: i32, among: usize| Some(f64::from(rate) / among.max(1) as f64).filter(|rate| *rate > 0.0);
                let limit = [
                    fair(scanner.rate_limit, 1),
                    fair(subnet.rate_limit, subnet.scanners.len()),
                    list_rate.map(f64::from),
                    Some(scanner.measured_pps.unwrap_or(UNMEASURED_PPS)),
                ];
                let rate = limit.into_iter().flatten().fold(f64::INFINITY, f64::min).max(0.1);
                seconds += self.probes(&part, ports) as f64 / rate;
            }
            let probes = self.probes(&addresses, ports);
            let seconds = if probes == 0 { 0 } else { seconds.max(SHORTEST_SECONDS).ceil() as u64 };
            summary.seconds = summary.seconds.max(seconds);
            summary.scanners.push(Vantage {
                id: scanner.id,
                name: scanner.name.clone(),
                status: scanner.status.clone(),
                ips: addresses.count(),
                probes,
                seconds,
            });
        }
        summary.scanners.sort_by_key(|vantage| vantage.name.to_lowercase());
    }

    /// Windows that hold the scan if it is run now, or that begin before it would have ended.
    fn blackouts(&self, summary: &mut Summary, subnets: &[&Subnet]) {
        let networks: Vec<_> = subnets.iter().map(|subnet| subnet.cidr).collect();
        let scanners: Vec<ScannerId> = summary.scanners.iter().map(|vantage| vantage.id).collect();
        if scanners.is_empty() {
            return;
        }
        for window in self.blackouts.iter().filter(|window| window.concerns(&networks, &scanners)) {
            let name = &window.name;
            summary.blackouts.push(window.clone());
            if let Some(holding) = window.holding(self.now) {
                let message = format!("Blackout window {} holds it: its jobs would wait.", holding.in_words());
                summary.warn("blackout", message);
            } else if let Some(begin) = window.begins_within(self.now, summary.seconds) {
                let begin = begin.format("%Y-%m-%d %H:%M UTC");
                let message = format!(
                    "Blackout window {name} begins at {begin}, before it would have ended; it would wait then."
                );
                summary.warn("blackout_ahead", message);
            }
        }
    }

    fn warnings(&self, summary: &mut Summary, subnets: &[&Subnet], lists: &[&PortList], limits: Limits) {
        for subnet in subnets.iter().filter(|subnet| subnet.scanners.is_empty()) {
            summary.warn("no_scanner", format!("No scanner is assigned to “{}”; it would be skipped.", subnet.name));
        }
        let mut named: Vec<&Scanner> = self
            .scanners
            .iter()
            .filter(|scanner| subnets.iter().any(|s| s.scanners.iter().any(|a| a.id == scanner.id.as_uuid())))
            .collect();
        named.sort_by_key(|scanner| scanner.name.to_lowercase());
        for scanner in named {
            let name = &scanner.name;
            if scanner.status == "disabled" {
                summary.warn("scanner_disabled", format!("Scanner “{name}” is disabled; it gets no jobs."));
            } else if is_draining(scanner, self.now) {
                summary.warn("scanner_draining", format!("Scanner “{name}” is draining; it gets no new jobs."));
            } else if scanner.status == "offline" {
                summary.warn("scanner_offline", format!("Scanner “{name}” is offline; its jobs wait for its return."));
            } else if scanner.status == "pending" {
                summary.warn("scanner_pending", format!("Scanner “{name}” has not started yet; its jobs wait for it."));
            }
        }
        if summary.excluded_ips > 0 {
            let n = summary.excluded_ips;
            let (count, verb) = if n == 1 { ("1 address".to_owned(), "is") } else { (format!("{n} addresses"), "are") };
            summary.warn("excluded", format!("{count} {verb} excluded and would not be probed."));
        }
        if summary.udp_ports > 0 {
            let n = summary.udp_ports;
            let what = if n == 1 { "port is" } else { "ports are" };
            summary.warn("udp", format!("{n} UDP {what} not scanned: only TCP is probed."));
        }
        if subnets.is_empty() || lists.is_empty() {
            return;
        }
        if summary.ports == 0 {
            summary
                .block("udp_only", "Every port is UDP, and only TCP is probed; nothing would be scanned.".to_owned());
        } else if summary.probes == 0 {
            summary.block("nothing_to_scan", "Everything is excluded; nothing would be scanned.".to_owned());
        } else if summary.scanners.is_empty() {
            summary.block(
                "no_scanner",
                "No scanner would run it; assign an enabled scanner to one of the subnets.".to_owned(),
            );
        }
        if summary.ips > limits.target_ips || summary.probes > limits.probes {
            summary.block(
                "scope_too_large",
                format!(
                    "{} addresses and {} probes are more than the limits of {} and {}; take smaller subnets or fewer ports.",
                    summary.ips, summary.probes, limits.target_ips, limits.probes
                ),
            );
        }
    }
}
