//! What a scan of some targets and ports would do, before it is run: addresses, ports, probes, scanners, warnings.
//!
//! Planning (`planning`) decides for real; this reads the same rows by the same rules, so that nobody is surprised.
mod read;

use chrono::{DateTime, Utc};
use mipo_domain::address::IpSet;
use mipo_domain::ids::ScannerId;
use mipo_domain::ports::Ports;
use mipo_store::Conn;
use mipo_store::config::planning::PortSource;
use mipo_store::config::scanners::Scanner;

use self::read::{Rows, Standing, Target};
use crate::AppError;
use crate::blackouts::InForce;
use crate::scanners::is_draining;
use crate::templates::Sources;

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
    /// Host names among the targets whose addresses nobody knows yet: a plan will find more than is counted here.
    pub unresolved: u32,
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
    /// True when a scan of it would probe something, as far as can be told.
    pub fn is_runnable(&self) -> bool {
        (self.probes > 0 || self.unresolved > 0) && self.blocked().is_none()
    }

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

/// The summary of `sources`, whose ids are known.
pub(crate) async fn of(
    conn: &mut Conn,
    sources: &Sources,
    now: DateTime<Utc>,
    limits: Limits,
) -> Result<Summary, AppError> {
    let rows = Rows::of(conn, sources, now).await?;
    Ok(rows.summary(sources, limits))
}

/// The summaries of several sources, in their order.
pub(crate) async fn of_many(
    conn: &mut Conn,
    all: &[Sources],
    now: DateTime<Utc>,
    limits: Limits,
) -> Result<Vec<Summary>, AppError> {
    let rows = Rows::of(conn, &Sources::union(all), now).await?;
    Ok(all.iter().map(|sources| rows.summary(sources, limits)).collect())
}

impl Rows {
    fn summary(&self, sources: &Sources, limits: Limits) -> Summary {
        let mut summary = Summary::default();
        let targets: Vec<&Target> = self.targets.iter().filter(|target| target.is_of(sources)).collect();
        let lists: Vec<&PortSource> = self.lists.iter().filter(|list| read::is_port_source(list, sources)).collect();
        let ports = lists.iter().fold(Ports::default(), |sum, list| sum.union(&list.ports));
        summary.ports = ports.tcp.count();
        summary.udp_ports = ports.udp.count();

        let wanted: IpSet = targets.iter().flat_map(|target| target.addresses.ranges()).collect();
        let allowed = wanted.subtract(self.exclusions.whole());
        summary.ips = allowed.count();
        summary.excluded_ips = wanted.count() - summary.ips;
        summary.probes = self.probes(&allowed, &ports);
        summary.unresolved = targets.iter().filter(|target| target.is_open()).count() as u32;

        self.vantages(&mut summary, &targets, &lists, &ports);
        self.target_warnings(&mut summary, &targets);
        self.scanner_warnings(&mut summary, &targets);
        warn_of_losses(&mut summary);
        self.blackouts(&mut summary, &allowed);
        if !targets.is_empty() && !lists.is_empty() {
            block(&mut summary, limits);
        }
        self.blackouts(&mut summary, &allowed);
        summary
    }

    fn probes(&self, addresses: &IpSet, ports: &Ports) -> u128 {
        let blocks = self.exclusions.subtract(addresses, &ports.tcp);
        blocks
            .iter()
            .fold(0, |sum: u128, (set, ports)| sum.saturating_add(set.count().saturating_mul(ports.count().into())))
    }

    fn is_usable(&self, scanner: &Scanner) -> bool {
        scanner.status != "disabled" && !is_draining(scanner, self.now)
    }

    fn vantages(&self, summary: &mut Summary, targets: &[&Target], lists: &[&PortSource], ports: &Ports) {
        let list_rate = lists.iter().map(|list| list.rate_limit).filter(|rate| *rate > 0).min();
        let usable: Vec<&Scanner> = self.scanners.iter().filter(|scanner| self.is_usable(scanner)).collect();
        for &scanner in &usable {
            let share: Vec<&Target> =
                targets.iter().copied().filter(|target| target.scanners.contains(&scanner.id)).collect();
            let all: IpSet = share.iter().flat_map(|target| target.addresses.ranges()).collect();
            let addresses = all.subtract(self.exclusions.whole());
            if share.iter().all(|target| target.addresses.is_empty() && !target.is_open()) {
                continue;
            }
            let mut seconds = 0.0;
            for target in share {
                let part = target.addresses.subtract(self.exclusions.whole());
                let among = usable.iter().filter(|scanner| target.scanners.contains(&scanner.id)).count();
                let fair =
                    |rate: i32, among: usize| Some(f64::from(rate) / among.max(1) as f64).filter(|rate| *rate > 0.0);
                let limit = [
                    fair(scanner.rate_limit, 1),
                    fair(target.rate_limit, among),
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
    fn blackouts(&self, summary: &mut Summary, addresses: &IpSet) {
        let scanners: Vec<ScannerId> = summary.scanners.iter().map(|vantage| vantage.id).collect();
        if scanners.is_empty() {
            return;
        }
        for window in self.blackouts.iter().filter(|window| window.concerns(addresses, &scanners)) {
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

    fn target_warnings(&self, summary: &mut Summary, targets: &[&Target]) {
        for target in targets {
            let name = &target.name;
            if target.scanners.is_empty() {
                summary.warn("no_scanner", format!("No scanner is assigned to “{name}”; it would be skipped."));
            }
            match target.standing {
                Standing::Unresolved => summary.warn(
                    "unresolved",
                    format!("“{name}” has not been resolved yet; its addresses are looked up when a scan is planned."),
                ),
                Standing::ResolvedBefore if target.addresses.is_empty() => summary.warn(
                    "unresolved",
                    format!("“{name}” resolved to no address that may be scanned; it is asked again for each scan."),
                ),
                Standing::Known | Standing::ResolvedBefore => {}
                Standing::EmptyList => {
                    summary.warn("empty_list", format!("Discovery list “{name}” holds no address now."));
                }
            }
        }
    }

    fn scanner_warnings(&self, summary: &mut Summary, targets: &[&Target]) {
        let mut named: Vec<&Scanner> = self
            .scanners
            .iter()
            .filter(|scanner| targets.iter().any(|target| target.scanners.contains(&scanner.id)))
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
    }
}

/// What would not be probed although it was asked for.
fn warn_of_losses(summary: &mut Summary) {
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
}

/// Why it could not be run: some targets and some ports are chosen.
fn block(summary: &mut Summary, limits: Limits) {
    let (ips, probes) = (summary.ips, summary.probes);
    if summary.ports == 0 {
        summary.block("udp_only", "Every port is UDP, and only TCP is probed; nothing would be scanned.".to_owned());
    } else if probes == 0 && summary.unresolved == 0 {
        let message = if ips > 0 || summary.excluded_ips > 0 {
            "Everything is excluded; nothing would be scanned."
        } else {
            "The targets hold no address; nothing would be scanned."
        };
        summary.block("nothing_to_scan", message.to_owned());
    } else if summary.scanners.is_empty() {
        let message = "No scanner would run it; assign an enabled scanner to one of the targets.";
        summary.block("no_scanner", message.to_owned());
    }
    if ips > limits.target_ips || probes > limits.probes {
        summary.block(
            "scope_too_large",
            format!(
                "{ips} addresses and {probes} probes are more than the limits of {} and {}; take smaller subnets or fewer ports.",
                limits.target_ips, limits.probes
            ),
        );
    }
}
