//! What a plan is made from: the sources of a template, their scanners, ports, exclusions.
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use mipo_domain::ids::{DiscoveryListId, FqdnId, ScannerId, SubnetId, TemplateId};
use mipo_domain::ports::Ports;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::scan_templates::Sources;
use crate::ranges::ports_from_text;
use crate::{Conn, StoreError};

/// What an ad-hoc template holds itself.
#[derive(Clone, Debug)]
pub struct AdhocSource {
    /// Addresses, CIDRs, ranges and host names.
    pub targets: Vec<String>,
    /// Its ports.
    pub ports: Ports,
    /// Its scanners.
    pub scanner_ids: Vec<ScannerId>,
}

/// A subnet of a template, directly or by group.
#[derive(Clone, Debug)]
pub struct SubnetSource {
    /// Its id.
    pub id: SubnetId,
    /// The groups that it is in, whoever uses them.
    pub group_ids: Vec<Uuid>,
    /// Its name.
    pub name: String,
    /// Its network.
    pub cidr: IpNet,
    /// Probes a second, 0 = unlimited.
    pub rate_limit: i32,
    /// Its scanners, directly or by group.
    pub scanner_ids: Vec<ScannerId>,
}

/// An FQDN of a template, directly or by group.
#[derive(Clone, Debug)]
pub struct FqdnSource {
    /// Its id.
    pub id: FqdnId,
    /// The groups that it is in, whoever uses them.
    pub group_ids: Vec<Uuid>,
    /// Its name.
    pub name: String,
    /// What is resolved.
    pub hostname: String,
    /// Where its addresses must lie; empty = anywhere.
    pub allowed: Vec<IpNet>,
    /// What it resolved to when it was last asked for.
    pub last_resolved: Vec<IpAddr>,
    /// When that was; none = never.
    pub last_resolved_at: Option<DateTime<Utc>>,
    /// Probes a second, 0 = unlimited.
    pub rate_limit: i32,
    /// Its scanners, directly or by group.
    pub scanner_ids: Vec<ScannerId>,
}

/// A discovery list of a template.
#[derive(Clone, Debug)]
pub struct ListSource {
    /// Its id.
    pub id: DiscoveryListId,
    /// Its name.
    pub name: String,
    /// Its members.
    pub ips: Vec<IpNet>,
    /// Probes a second, 0 = unlimited.
    pub rate_limit: i32,
    /// Its scanners, directly or by group.
    pub scanner_ids: Vec<ScannerId>,
}

/// A port list of a template, directly or by group.
#[derive(Clone, Debug)]
pub struct PortSource {
    /// Its id.
    pub id: Uuid,
    /// The groups that it is in, whoever uses them.
    pub group_ids: Vec<Uuid>,
    /// Its name.
    pub name: String,
    /// Its ports.
    pub ports: Ports,
    /// Probes a second, 0 = unlimited.
    pub rate_limit: i32,
}

/// A scanner, as a plan and a receipt need it.
#[derive(Clone, Debug)]
pub struct ScannerFacts {
    /// Its id.
    pub id: ScannerId,
    /// Its name.
    pub name: String,
    /// A word of product 4.1.
    pub status: String,
    /// Probes a second, 0 = unlimited.
    pub rate_limit: i32,
    /// Jobs at once.
    pub max_concurrent_jobs: i32,
    /// Moving mean.
    pub measured_pps: Option<f64>,
    /// It takes no new jobs until then.
    pub draining_until: Option<DateTime<Utc>>,
    /// The version of its program.
    pub scanner_version: Option<String>,
    /// The hash of its program.
    pub binary_sha256: Option<Vec<u8>>,
}

fn scanners_of(ids: Vec<Uuid>) -> Vec<ScannerId> {
    ids.into_iter().map(ScannerId::from).collect()
}

/// What the template holds itself, if it is an ad-hoc one.
pub async fn adhoc(conn: &mut Conn, template: TemplateId) -> Result<Option<AdhocSource>, StoreError> {
    let row = sqlx::query!(
        r#"select adhoc_targets as "targets!", adhoc_tcp_ports::text as "tcp!", adhoc_udp_ports::text as "udp!",
             adhoc_scanner_ids as "scanner_ids!"
           from config.scan_templates where id = $1 and adhoc"#,
        template.as_uuid()
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(AdhocSource {
            targets: row.targets,
            ports: Ports { tcp: ports_from_text(&row.tcp)?, udp: ports_from_text(&row.udp)? },
            scanner_ids: scanners_of(row.scanner_ids),
        })
    })
    .transpose()
}

/// The subnets of `sources`.
pub async fn subnets(conn: &mut Conn, sources: &Sources) -> Result<Vec<SubnetSource>, StoreError> {
    let rows = sqlx::query!(
        r#"select s.id, s.name, s.cidr as "cidr: IpNet", s.rate_limit,
             array(select distinct coalesce(a.scanner_id, m.scanner_id) from config.target_scanners a
                   left join config.scanner_group_members m on m.group_id = a.scanner_group_id
                   where a.subnet_id = s.id and coalesce(a.scanner_id, m.scanner_id) is not null) as "scanner_ids!",
             array(select m.group_id from config.subnet_group_members m where m.subnet_id = s.id) as "group_ids!"
           from config.subnets s
           where s.id in (select unnest($1::uuid[])
                          union select m.subnet_id from config.subnet_group_members m where m.group_id = any($2))
           order by s.id"#,
        &sources.subnets,
        &sources.subnet_groups
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| SubnetSource {
            id: row.id.into(),
            group_ids: row.group_ids,
            name: row.name,
            cidr: row.cidr,
            rate_limit: row.rate_limit,
            scanner_ids: scanners_of(row.scanner_ids),
        })
        .collect())
}

/// The FQDNs of `sources`.
pub async fn fqdns(conn: &mut Conn, sources: &Sources) -> Result<Vec<FqdnSource>, StoreError> {
    let rows = sqlx::query!(
        r#"select f.id, f.name, f.hostname, f.allowed_cidrs as "allowed: Vec<IpNet>", f.rate_limit,
             f.last_resolved as "last_resolved: Json<Vec<IpAddr>>", f.last_resolved_at,
             array(select distinct coalesce(a.scanner_id, m.scanner_id) from config.target_scanners a
                   left join config.scanner_group_members m on m.group_id = a.scanner_group_id
                   where a.fqdn_id = f.id and coalesce(a.scanner_id, m.scanner_id) is not null) as "scanner_ids!",
             array(select m.group_id from config.fqdn_group_members m where m.fqdn_id = f.id) as "group_ids!"
           from config.fqdns f
           where f.id in (select unnest($1::uuid[])
                          union select m.fqdn_id from config.fqdn_group_members m where m.group_id = any($2))
           order by f.id"#,
        &sources.fqdns,
        &sources.fqdn_groups
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| FqdnSource {
            id: row.id.into(),
            group_ids: row.group_ids,
            last_resolved: row.last_resolved.0,
            last_resolved_at: row.last_resolved_at,
            name: row.name,
            hostname: row.hostname,
            allowed: row.allowed,
            rate_limit: row.rate_limit,
            scanner_ids: scanners_of(row.scanner_ids),
        })
        .collect())
}

/// The discovery lists of `sources`.
pub async fn lists(conn: &mut Conn, sources: &Sources) -> Result<Vec<ListSource>, StoreError> {
    let rows = sqlx::query!(
        r#"select l.id, s.name || '/' || l.name as "name!", l.rate_limit,
             array(select i.ip from config.discovery_ips i where i.list_id = l.id order by i.ip) as "ips!: Vec<IpNet>",
             array(select distinct s.scanner_id from (
                     select l.scanner_id union all
                     select m.scanner_id from config.scanner_group_members m where m.group_id = l.scanner_group_id) s
                   where s.scanner_id is not null) as "scanner_ids!"
           from config.discovery_lists l join config.discovery_sources s on s.id = l.source_id
           where l.id = any($1)
           order by l.id"#,
        &sources.discovery_lists
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ListSource {
            id: row.id.into(),
            name: row.name,
            ips: row.ips,
            rate_limit: row.rate_limit,
            scanner_ids: scanners_of(row.scanner_ids),
        })
        .collect())
}

/// The port lists of `sources`.
pub async fn port_lists(conn: &mut Conn, sources: &Sources) -> Result<Vec<PortSource>, StoreError> {
    let rows = sqlx::query!(
        r#"select p.id, p.name, p.tcp_ports::text as "tcp!", p.udp_ports::text as "udp!", p.rate_limit,
             array(select m.group_id from config.port_list_group_members m where m.port_list_id = p.id) as "group_ids!"
           from config.port_lists p
           where p.id in (select unnest($1::uuid[])
                          union select m.port_list_id from config.port_list_group_members m where m.group_id = any($2))
           order by p.id"#,
        &sources.port_lists,
        &sources.port_list_groups
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(PortSource {
                id: row.id,
                group_ids: row.group_ids,
                name: row.name,
                ports: Ports { tcp: ports_from_text(&row.tcp)?, udp: ports_from_text(&row.udp)? },
                rate_limit: row.rate_limit,
            })
        })
        .collect()
}

/// The scanners of these ids.
pub async fn scanners(conn: &mut Conn, ids: &[ScannerId]) -> Result<Vec<ScannerFacts>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    Ok(sqlx::query_as!(
        ScannerFacts,
        "select id, name, status, rate_limit, max_concurrent_jobs, measured_pps, draining_until, scanner_version, binary_sha256
         from config.scanners where id = any ($1) order by id",
        &ids
    )
    .fetch_all(conn)
    .await?)
}

/// One scanner.
pub async fn scanner_facts(conn: &mut Conn, id: ScannerId) -> Result<Option<ScannerFacts>, StoreError> {
    Ok(scanners(conn, &[id]).await?.pop())
}

/// Keeps what an FQDN resolved to, for people.
pub async fn set_resolved(conn: &mut Conn, id: FqdnId, addresses: &Value, at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.fqdns set last_resolved = $2, last_resolved_at = $3 where id = $1",
        id.as_uuid(),
        addresses,
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}
