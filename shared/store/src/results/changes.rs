//! Changes of verdicts (`results.port_changes`).
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use mipo_domain::comparison::PortState;
use mipo_domain::hash::Hash256;
use mipo_domain::ids::{ChangeId, ScanId, ScanJobId, ScannerId};
use mipo_domain::ports::{PortSet, Protocol};
use serde_json::Value;

use super::observations;
use crate::{Conn, StoreError};

/// Which ports changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    /// One, that was or is open.
    One(u16),
    /// Those of a host that went between closed and filtered in one run.
    Many(PortSet),
}

/// A change that is about to be recorded.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its id.
    pub id: ChangeId,
    /// The address.
    pub ip: IpAddr,
    /// The protocol.
    pub protocol: Protocol,
    /// Which ports.
    pub ports: Ports,
    /// What they were.
    pub from: PortState,
    /// What they are.
    pub to: PortState,
    /// From a passive banner.
    pub service: Option<String>,
    /// From a passive banner.
    pub version: Option<String>,
    /// Seen a second time.
    pub confirmed: bool,
    /// Tries, votes, round-trip time, reason.
    pub evidence: Value,
}

/// Whose changes they are.
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
    /// The receipt that counts them.
    pub receipt_hash: Hash256,
}

/// Records `changes`.
pub async fn insert(conn: &mut Conn, origin: Origin, changes: &[Change]) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    observations::ensure_partitions(conn, origin.at, origin.at).await?;
    for changes in changes.chunks(10_000) {
        let ids: Vec<_> = changes.iter().map(|change| change.id.as_uuid()).collect();
        let ips: Vec<IpNet> = changes.iter().map(|change| IpNet::from(change.ip)).collect();
        let texts = |get: &dyn Fn(&Change) -> String| changes.iter().map(get).collect::<Vec<_>>();
        let optional = |get: &dyn Fn(&Change) -> Option<String>| changes.iter().map(get).collect::<Vec<_>>();
        let ports: Vec<Option<i32>> = changes
            .iter()
            .map(|change| if let Ports::One(port) = change.ports { Some(i32::from(port)) } else { None })
            .collect();
        let confirmed: Vec<bool> = changes.iter().map(|change| change.confirmed).collect();
        let evidence: Vec<Value> = changes.iter().map(|change| change.evidence.clone()).collect();
        sqlx::query!(
            "insert into results.port_changes
               (id, at, scanner_id, ip, port, ports, protocol, previous_state, current_state, service, version, scan_id, job_id,
                confirmed, evidence, receipt_hash)
             select id, $1, $2, ip, port, ports::int4multirange, protocol, previous, current, service, version, $3, $4, confirmed,
               evidence, $5
             from unnest($6::uuid[], $7::inet[], $8::integer[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
                 $14::text[], $15::boolean[], $16::jsonb[])
               as change (id, ip, port, ports, protocol, previous, current, service, version, confirmed, evidence)",
            origin.at,
            origin.scanner_id.as_uuid(),
            origin.scan_id.get(),
            origin.job_id.get(),
            origin.receipt_hash.as_bytes().as_slice(),
            &ids,
            &ips,
            &ports as _,
            &optional(&|change| match &change.ports {
                Ports::One(_) => None,
                Ports::Many(ports) => Some(ports.to_multirange()),
            }) as _,
            &texts(&|change| change.protocol.to_string()),
            &texts(&|change| change.from.as_str().to_owned()),
            &texts(&|change| change.to.as_str().to_owned()),
            &optional(&|change| change.service.clone()) as _,
            &optional(&|change| change.version.clone()) as _,
            &confirmed,
            &evidence,
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}
