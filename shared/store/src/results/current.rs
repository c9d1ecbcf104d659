//! Current state (`results.host_current`, `results.port_current`): the last verdict of each vantage, host and port.
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use mipo_domain::comparison::HostState;
use mipo_domain::coverage::Host;
use mipo_domain::ids::{ScanId, ScannerId};
use mipo_domain::ports::PortSet;

use super::observations::Found;
use crate::jobs::job_hosts::host;
use crate::ranges::ports_from_text;
use crate::{Conn, StoreError};

/// When and by which scan something was seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The vantage.
    pub scanner_id: ScannerId,
    /// The scan.
    pub scan_id: ScanId,
    /// The job's `finished_at`.
    pub at: DateTime<Utc>,
}

/// Concluding is done one job at a time for each scanner: held until the transaction ends.
pub async fn lock_vantage(conn: &mut Conn, scanner_id: ScannerId) -> Result<(), StoreError> {
    sqlx::query!(
        r#"select pg_advisory_xact_lock(hashtextextended('mipo.conclude.' || $1::text, 0)) as "locked!: ()""#,
        scanner_id.to_string()
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

/// The last known state of `hosts` as `scanner_id` saw them. Hosts that it never saw are missing.
pub async fn load(
    conn: &mut Conn,
    scanner_id: ScannerId,
    hosts: &[Host],
) -> Result<HashMap<Host, HostState>, StoreError> {
    let mut states: HashMap<Host, HostState> = HashMap::new();
    for hosts in hosts.chunks(10_000) {
        let ips: Vec<IpNet> = hosts.iter().map(|(ip, _)| IpNet::from(*ip)).collect();
        let protocols: Vec<String> = hosts.iter().map(|(_, protocol)| protocol.to_string()).collect();
        let rows = sqlx::query!(
            r#"select h.ip as "ip: IpNet", h.protocol, h.covered_ports::text as "covered!", h.filtered_ports::text as "filtered!",
                 (select range_agg(int4range(p.port, p.port, '[]')) from results.port_current p
                  where p.scanner_id = h.scanner_id and p.ip = h.ip and p.protocol = h.protocol)::text as open
               from results.host_current h
               join unnest($2::inet[], $3::text[]) as wanted (ip, protocol) on wanted.ip = h.ip and wanted.protocol = h.protocol
               where h.scanner_id = $1"#,
            scanner_id.as_uuid(),
            &ips,
            &protocols,
        )
        .fetch_all(&mut *conn)
        .await?;
        for row in rows {
            let state = HostState {
                covered: ports_from_text(&row.covered)?,
                filtered: ports_from_text(&row.filtered)?,
                open: row.open.as_deref().map_or_else(|| Ok(PortSet::new()), ports_from_text)?,
            };
            states.insert(host(row.ip, &row.protocol)?, state);
        }
    }
    Ok(states)
}

/// Writes what is covered and filtered on each host now.
pub async fn save_hosts(conn: &mut Conn, seen: Seen, hosts: &[(Host, HostState)]) -> Result<(), StoreError> {
    for hosts in hosts.chunks(10_000) {
        let ips: Vec<IpNet> = hosts.iter().map(|((ip, _), _)| IpNet::from(*ip)).collect();
        let protocols: Vec<String> = hosts.iter().map(|((_, protocol), _)| protocol.to_string()).collect();
        let covered: Vec<String> = hosts.iter().map(|(_, state)| state.covered.to_multirange()).collect();
        let filtered: Vec<String> = hosts.iter().map(|(_, state)| state.filtered.to_multirange()).collect();
        sqlx::query!(
            "insert into results.host_current as known
               (scanner_id, ip, protocol, covered_ports, filtered_ports, last_covered_at, last_scan_id)
             select $1, ip, protocol, covered::int4multirange, filtered::int4multirange, $2, $3
             from unnest($4::inet[], $5::text[], $6::text[], $7::text[]) as host (ip, protocol, covered, filtered)
             on conflict (scanner_id, ip, protocol) do update
             set covered_ports = excluded.covered_ports, filtered_ports = excluded.filtered_ports,
               last_covered_at = greatest(known.last_covered_at, excluded.last_covered_at), last_scan_id = excluded.last_scan_id",
            seen.scanner_id.as_uuid(),
            seen.at,
            seen.scan_id.get(),
            &ips,
            &protocols,
            &covered,
            &filtered,
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Writes the ports that are open now. `since` stays with a port that was open before.
pub async fn save_open(conn: &mut Conn, seen: Seen, found: &[&Found]) -> Result<(), StoreError> {
    for found in found.chunks(20_000) {
        let ips: Vec<IpNet> = found.iter().map(|found| IpNet::from(found.probe.ip)).collect();
        let protocols: Vec<String> = found.iter().map(|found| found.probe.protocol.to_string()).collect();
        let ports: Vec<i32> = found.iter().map(|found| i32::from(found.probe.port)).collect();
        let services: Vec<Option<String>> = found.iter().map(|found| found.service.clone()).collect();
        let versions: Vec<Option<String>> = found.iter().map(|found| found.version.clone()).collect();
        sqlx::query!(
            "insert into results.port_current as known
               (scanner_id, ip, protocol, port, since, last_confirmed_at, service, version, scan_id)
             select $1, ip, protocol, port, $2, $2, service, version, $3
             from unnest($4::inet[], $5::text[], $6::integer[], $7::text[], $8::text[]) as open (ip, protocol, port, service, version)
             on conflict (scanner_id, ip, protocol, port) do update
             set last_confirmed_at = greatest(known.last_confirmed_at, excluded.last_confirmed_at), scan_id = excluded.scan_id,
               service = coalesce(excluded.service, known.service),
               version = case when excluded.service is null then known.version else excluded.version end",
            seen.scanner_id.as_uuid(),
            seen.at,
            seen.scan_id.get(),
            &ips,
            &protocols,
            &ports,
            &services as _,
            &versions as _,
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Takes away the ports that are no longer open.
pub async fn remove_open(conn: &mut Conn, scanner_id: ScannerId, gone: &[(Host, PortSet)]) -> Result<(), StoreError> {
    if gone.is_empty() {
        return Ok(());
    }
    let ips: Vec<IpNet> = gone.iter().map(|((ip, _), _)| IpNet::from(*ip)).collect();
    let protocols: Vec<String> = gone.iter().map(|((_, protocol), _)| protocol.to_string()).collect();
    let ports: Vec<String> = gone.iter().map(|(_, ports)| ports.to_multirange()).collect();
    sqlx::query!(
        "delete from results.port_current p
         using unnest($2::inet[], $3::text[], $4::text[]) as gone (ip, protocol, ports)
         where p.scanner_id = $1 and p.ip = gone.ip and p.protocol = gone.protocol and p.port <@ gone.ports::int4multirange",
        scanner_id.as_uuid(),
        &ips,
        &protocols,
        &ports,
    )
    .execute(conn)
    .await?;
    Ok(())
}
