//! Reads what a plan is made from.
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use mipo_domain::address::{IpRange, IpSet};
use mipo_domain::exclusions::Exclusions;
use mipo_domain::ids::{FqdnId, ScanId, ScannerId};
use mipo_domain::planner::{ScannerInput, Warning};
use mipo_domain::ports::Ports;
use mipo_domain::states::ScanStatus;
use mipo_store::Conn;
use mipo_store::config::planning::{self, ScannerFacts};
use mipo_store::config::scan_templates;
use mipo_store::results::scans::{self, Scan};

use crate::{AppError, exclusions};

/// Where a target comes from.
#[derive(Clone, Debug)]
pub(super) enum From {
    /// Addresses that are known.
    Addresses(IpSet),
    /// A host name that has to be resolved.
    Name {
        /// The name.
        hostname: String,
        /// Where its addresses must lie; empty = anywhere.
        allowed: IpSet,
        /// The FQDN object, unless the name was typed.
        fqdn: Option<FqdnId>,
    },
}

/// A target source before its names are resolved.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) label: String,
    pub(super) from: From,
    pub(super) rate_limit: u32,
    pub(super) scanners: BTreeSet<ScannerId>,
}

/// Everything that was read for the plan of one scan.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(super) scan: Scan,
    pub(super) sources: Vec<Source>,
    pub(super) ports: Ports,
    pub(super) port_rate_limit: u32,
    pub(super) scanners: Vec<ScannerInput>,
    pub(super) exclusions: Exclusions,
    pub(super) warnings: Vec<Warning>,
}

impl Draft {
    /// The host names that have to be resolved.
    pub fn host_names(&self) -> BTreeSet<String> {
        let name = |source: &Source| match &source.from {
            From::Name { hostname, .. } => Some(hostname.clone()),
            From::Addresses(_) => None,
        };
        self.sources.iter().filter_map(name).collect()
    }
}

/// Reads the draft of a plan; `None` when there is nothing to plan: no such scan, planned already, held or ended.
pub async fn load(conn: &mut Conn, id: ScanId, now: DateTime<Utc>) -> Result<Option<Draft>, AppError> {
    let Some(scan) = scans::get(conn, id).await? else { return Ok(None) };
    if scan.status()? != ScanStatus::Pending || scan.planning_finished_at.is_some() {
        return Ok(None);
    }
    let mut warnings = Vec::new();
    let (sources, ports, port_rate_limit) = if let Some(typed) = planning::adhoc(conn, scan.template_id).await? {
        let scanners: BTreeSet<ScannerId> = typed.scanner_ids.into_iter().collect();
        (typed_sources(&typed.targets, &scanners), typed.ports, 0)
    } else {
        let sources = scan_templates::sources(conn, scan.template_id).await?;
        let (ports, rate) = ports(conn, &sources).await?;
        (template_sources(conn, &sources, &mut warnings).await?, ports, rate)
    };
    let named: BTreeSet<ScannerId> = sources.iter().flat_map(|source| source.scanners.iter().copied()).collect();
    let known = planning::scanners(conn, &named.iter().copied().collect::<Vec<_>>()).await?;
    if known.len() < named.len() {
        let message = format!("{} of its scanners are gone and get no jobs.", named.len() - known.len());
        warnings.push(Warning::new("scanner_gone", message));
    }
    let scanners = known.iter().map(|scanner| input(scanner, now)).collect();
    let exclusions = exclusions::in_force(conn).await?;
    Ok(Some(Draft { scan, sources, ports, port_rate_limit, scanners, exclusions, warnings }))
}

fn input(scanner: &ScannerFacts, now: DateTime<Utc>) -> ScannerInput {
    ScannerInput {
        id: scanner.id,
        name: scanner.name.clone(),
        rate_limit: scanner.rate_limit.cast_unsigned(),
        max_concurrent_jobs: scanner.max_concurrent_jobs.cast_unsigned(),
        measured_pps: scanner.measured_pps,
        unavailable: if scanner.status == "disabled" {
            Some("disabled")
        } else if scanner.draining_until.is_some_and(|until| until > now) {
            Some("draining")
        } else {
            None
        },
    }
}

fn typed_sources(targets: &[String], scanners: &BTreeSet<ScannerId>) -> Vec<Source> {
    let mut addresses = Vec::new();
    let mut sources = Vec::new();
    for target in targets {
        match IpRange::parse(target) {
            Ok(range) => addresses.push(range),
            Err(_) => sources.push(Source {
                label: format!("host name {target}"),
                from: From::Name { hostname: target.clone(), allowed: IpSet::new(), fqdn: None },
                rate_limit: 0,
                scanners: scanners.clone(),
            }),
        }
    }
    if !addresses.is_empty() {
        sources.push(Source {
            label: "typed addresses".to_owned(),
            from: From::Addresses(addresses.into_iter().collect()),
            rate_limit: 0,
            scanners: scanners.clone(),
        });
    }
    sources
}

async fn template_sources(
    conn: &mut Conn,
    named: &scan_templates::Sources,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Source>, AppError> {
    let mut sources = Vec::new();
    for subnet in planning::subnets(conn, named).await? {
        sources.push(Source {
            label: format!("subnet {}", subnet.name),
            from: From::Addresses([subnet.cidr].into_iter().collect()),
            rate_limit: subnet.rate_limit.cast_unsigned(),
            scanners: subnet.scanner_ids.into_iter().collect(),
        });
    }
    for fqdn in planning::fqdns(conn, named).await? {
        sources.push(Source {
            label: format!("FQDN {}", fqdn.name),
            from: From::Name {
                hostname: fqdn.hostname,
                allowed: fqdn.allowed.into_iter().collect(),
                fqdn: Some(fqdn.id),
            },
            rate_limit: fqdn.rate_limit.cast_unsigned(),
            scanners: fqdn.scanner_ids.into_iter().collect(),
        });
    }
    for list in planning::lists(conn, named).await? {
        sources.push(Source {
            label: format!("discovery list {}", list.name),
            from: From::Addresses(list.ips.into_iter().collect()),
            rate_limit: list.rate_limit.cast_unsigned(),
            scanners: list.scanner_ids.into_iter().collect(),
        });
    }
    if sources.is_empty() {
        warnings.push(Warning::new("no_targets", "The template has no targets, or it was deleted."));
    }
    Ok(sources)
}

/// The union of the port lists, and the lowest rate among them.
async fn ports(conn: &mut Conn, named: &scan_templates::Sources) -> Result<(Ports, u32), AppError> {
    let lists = planning::port_lists(conn, named).await?;
    let ports = lists.iter().fold(Ports::default(), |sum, list| sum.union(&list.ports));
    let rate = lists.iter().map(|list| list.rate_limit.cast_unsigned()).filter(|rate| *rate > 0).min();
    Ok((ports, rate.unwrap_or(0)))
}
