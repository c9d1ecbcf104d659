//! Coverage (`results.coverage`): the proof that a host was probed, and on which ports.
use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use mipo_domain::coverage::{Host, Verdicts};
use mipo_domain::ids::{ScanId, ScanJobId, ScannerId};

use super::{observations, port_sets};
use crate::{Conn, StoreError};

/// Whose coverage it is.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The job's `finished_at`.
    pub at: DateTime<Utc>,
    /// The scan.
    pub scan_id: ScanId,
    /// The sweep job.
    pub job_id: ScanJobId,
    /// The vantage.
    pub scanner_id: ScannerId,
}

/// Writes one row a host.
pub async fn insert(conn: &mut Conn, origin: Origin, hosts: &BTreeMap<Host, Verdicts>) -> Result<(), StoreError> {
    observations::ensure_partitions(conn, origin.at, origin.at).await?;
    let rows: Vec<(&Host, &Verdicts)> = hosts.iter().collect();
    for rows in rows.chunks(10_000) {
        let sets: Vec<_> = rows.iter().map(|(_, verdicts)| verdicts.ports()).collect();
        let ids: Vec<Vec<u8>> = sets.iter().map(|set| port_sets::id(set).as_bytes().to_vec()).collect();
        let unique: HashMap<&Vec<u8>, _> = ids.iter().zip(&sets).collect();
        port_sets::ensure(conn, &unique.into_values().collect::<Vec<_>>()).await?;

        let ips: Vec<IpNet> = rows.iter().map(|((ip, _), _)| IpNet::from(*ip)).collect();
        let protocols: Vec<String> = rows.iter().map(|((_, protocol), _)| protocol.to_string()).collect();
        let texts = |get: &dyn Fn(&Verdicts) -> String| rows.iter().map(|(_, v)| get(v)).collect::<Vec<_>>();
        let counts = |get: &dyn Fn(&Verdicts) -> u32| rows.iter().map(|(_, v)| get(v) as i32).collect::<Vec<_>>();
        sqlx::query!(
            "insert into results.coverage
               (at, scan_id, job_id, scanner_id, ip, protocol, port_set_id, default_state, other_ports, error_ports,
                not_probed_ports, open_count, closed_count, filtered_count, error_count, not_probed_count)
             select $1, $2, $3, $4, ip, protocol, port_set_id, default_state, other::int4multirange, error::int4multirange,
               not_probed::int4multirange, opens, closeds, filtereds, errors, not_probeds
             from unnest($5::inet[], $6::text[], $7::bytea[], $8::text[], $9::text[], $10::text[], $11::text[],
                 $12::integer[], $13::integer[], $14::integer[], $15::integer[], $16::integer[])
               as host (ip, protocol, port_set_id, default_state, other, error, not_probed, opens, closeds, filtereds, errors,
                 not_probeds)",
            origin.at,
            origin.scan_id.get(),
            origin.job_id.get(),
            origin.scanner_id.as_uuid(),
            &ips,
            &protocols,
            &ids,
            &texts(&|v| (if v.mostly_filtered() { "filtered" } else { "closed" }).to_owned()),
            &texts(&|v| (if v.mostly_filtered() { &v.closed } else { &v.filtered }).to_multirange()),
            &texts(&|v| v.error.to_multirange()),
            &texts(&|v| v.not_probed.to_multirange()),
            &counts(&|v| v.open.count()),
            &counts(&|v| v.closed.count()),
            &counts(&|v| v.filtered.count()),
            &counts(&|v| v.error.count()),
            &counts(&|v| v.not_probed.count()),
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}
