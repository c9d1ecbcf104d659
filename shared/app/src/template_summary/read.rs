//! Reads what summaries are made of, once for many of them, with the statements of planning.
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use mipo_domain::address::{IpRange, IpSet};
use mipo_domain::exclusions::Exclusions;
use mipo_domain::ids::ScannerId;
use mipo_store::Conn;
use mipo_store::config::planning::{self, PortSource};
use mipo_store::config::scanners::{self, Scanner};
use uuid::Uuid;

use crate::blackouts::InForce;
use crate::templates::Sources;
use crate::{AppError, blackouts, exclusions};

/// How sure the addresses of a target are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// They are those that a plan would take now.
    Known,
    /// A host name that was resolved before; a plan asks anew.
    ResolvedBefore,
    /// A host name that nobody has resolved yet.
    Unresolved,
    /// A discovery list that holds nothing now.
    EmptyList,
}

/// A subnet, an FQDN or a discovery list.
pub(super) struct Target {
    pub(super) id: Uuid,
    /// Groups that it is in.
    groups: Vec<Uuid>,
    pub(super) name: String,
    pub(super) addresses: IpSet,
    pub(super) standing: Standing,
    pub(super) rate_limit: i32,
    /// Each of them scans all of it, however many ways lead to it.
    pub(super) scanners: BTreeSet<ScannerId>,
}

impl Target {
    /// True when a plan may find addresses where none are known: a host name is asked for again.
    pub(super) fn is_open(&self) -> bool {
        self.addresses.is_empty() && matches!(self.standing, Standing::Unresolved | Standing::ResolvedBefore)
    }

    pub(super) fn is_of(&self, sources: &Sources) -> bool {
        let direct = [&sources.subnets, &sources.fqdns, &sources.discovery_lists];
        let groups = [&sources.subnet_groups, &sources.fqdn_groups];
        direct.iter().any(|ids| ids.contains(&self.id))
            || self.groups.iter().any(|group| groups.iter().any(|ids| ids.contains(group)))
    }
}

/// Whether the ports are among those of `sources`.
pub(super) fn is_port_source(list: &PortSource, sources: &Sources) -> bool {
    sources.port_lists.contains(&list.id) || list.group_ids.iter().any(|group| sources.port_list_groups.contains(group))
}

/// Rows that summaries are made of.
pub(super) struct Rows {
    pub(super) targets: Vec<Target>,
    pub(super) lists: Vec<PortSource>,
    pub(super) scanners: Vec<Scanner>,
    pub(super) exclusions: Exclusions,
    /// Blackout windows that are enabled.
    pub(super) blackouts: Vec<InForce>,
    pub(super) now: DateTime<Utc>,
}

impl Rows {
    /// Everything that `sources` name.
    pub(super) async fn of(conn: &mut Conn, sources: &Sources, now: DateTime<Utc>) -> Result<Self, AppError> {
        let targets = targets(conn, sources).await?;
        let assigned: BTreeSet<Uuid> =
            targets.iter().flat_map(|target| &target.scanners).map(|scanner| scanner.as_uuid()).collect();
        Ok(Self {
            targets,
            lists: planning::port_lists(conn, sources).await?,
            scanners: scanners::get_many(conn, assigned.into_iter().collect()).await?,
            exclusions: exclusions::in_force(conn).await?,
            blackouts: blackouts::in_force(conn, now).await?,
            now,
        })
    }
}

async fn targets(conn: &mut Conn, sources: &Sources) -> Result<Vec<Target>, AppError> {
    let mut targets = Vec::new();
    for subnet in planning::subnets(conn, sources).await? {
        targets.push(Target {
            id: subnet.id.as_uuid(),
            groups: subnet.group_ids,
            name: subnet.name,
            addresses: [subnet.cidr].into_iter().collect(),
            standing: Standing::Known,
            rate_limit: subnet.rate_limit,
            scanners: subnet.scanner_ids.into_iter().collect(),
        });
    }
    for fqdn in planning::fqdns(conn, sources).await? {
        let resolved: IpSet = fqdn.last_resolved.into_iter().map(IpRange::single).collect();
        let allowed: IpSet = fqdn.allowed.into_iter().collect();
        targets.push(Target {
            id: fqdn.id.as_uuid(),
            groups: fqdn.group_ids,
            name: fqdn.name,
            addresses: if allowed.is_empty() { resolved } else { resolved.intersect(&allowed) },
            standing: match fqdn.last_resolved_at {
                Some(_) => Standing::ResolvedBefore,
                None => Standing::Unresolved,
            },
            rate_limit: fqdn.rate_limit,
            scanners: fqdn.scanner_ids.into_iter().collect(),
        });
    }
    for list in planning::lists(conn, sources).await? {
        targets.push(Target {
            id: list.id.as_uuid(),
            groups: Vec::new(),
            name: list.name,
            standing: if list.ips.is_empty() { Standing::EmptyList } else { Standing::Known },
            addresses: list.ips.into_iter().collect(),
            rate_limit: list.rate_limit,
            scanners: list.scanner_ids.into_iter().collect(),
        });
    }
    Ok(targets)
}
