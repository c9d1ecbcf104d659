//! What changed: recorded changes, and the difference of two scans.
use chrono::{DateTime, Utc};
use mipo_domain::ids::{ScanId, ScannerId};

use crate::{Conn, StoreError};

/// A recorded change.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its id.
    pub id: uuid::Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Address.
    pub ip: String,
    /// Port, if it is about one.
    pub port: Option<i32>,
    /// Ports, if it is about several that went from closed to filtered or back.
    pub ports: Option<String>,
    /// `tcp`.
    pub protocol: String,
    /// Verdict before.
    pub previous_state: String,
    /// Verdict now.
    pub current_state: String,
    /// What answers or answered.
    pub service: Option<String>,
    /// Which version.
    pub version: Option<String>,
    /// Whose view.
    pub scanner_id: ScannerId,
    /// Their name, if they still exist.
    pub scanner: Option<String>,
    /// By which scan.
    pub scan_id: ScanId,
    /// True when a second look agreed.
    pub confirmed: bool,
}

/// The newest changes.
pub async fn newest(conn: &mut Conn, limit: i64) -> Result<Vec<Change>, StoreError> {
    Ok(sqlx::query_as!(
        Change,
        r#"select p.id, p.at, host(p.ip) as "ip!", p.port, p.ports::text as "ports?", p.protocol, p.previous_state, p.current_state,
             p.service, p.version, p.scanner_id, c.name as "scanner?", p.scan_id, p.confirmed
           from results.port_changes p left join config.scanners c on c.id = p.scanner_id
           order by p.at desc, p.id desc limit $1"#,
        limit
    )
    .fetch_all(conn)
    .await?)
}

/// Changes that a scan recorded between verdicts other than open.
pub async fn other_of_scan(conn: &mut Conn, scan: ScanId, limit: i64) -> Result<Vec<Change>, StoreError> {
    Ok(sqlx::query_as!(
        Change,
        r#"select p.id, p.at, host(p.ip) as "ip!", p.port, p.ports::text as "ports?", p.protocol, p.previous_state, p.current_state,
             p.service, p.version, p.scanner_id, c.name as "scanner?", p.scan_id, p.confirmed
           from results.port_changes p left join config.scanners c on c.id = p.scanner_id
           where p.scan_id = $1 and p.previous_state <> 'open' and p.current_state <> 'open'
           order by p.ip, p.port limit $2"#,
        scan.get(),
        limit
    )
    .fetch_all(conn)
    .await?)
}

/// A port that is open in one of two scans and not in the other.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Whose view.
    pub scanner_id: ScannerId,
    /// Their name, if they still exist.
    pub scanner: Option<String>,
    /// Address.
    pub ip: String,
    /// Port.
    pub port: i32,
    /// `tcp`.
    pub protocol: String,
    /// True when this scan has it open, false when the other one has.
    pub now_open: bool,
    /// Verdict in the scan that does not have it open; absent when that one did not cover it.
    pub other_state: Option<String>,
    /// What answers or answered.
    pub service: Option<String>,
    /// Which version.
    pub version: Option<String>,
    /// Whether a second look agreed, where the change is recorded.
    pub confirmed: Option<bool>,
}

/// What is open in `scan` and not in `against`, or the other way round, per vantage; at most `limit` rows. Whether the
/// other scan looked at all is read from its coverage.
pub async fn difference(
    conn: &mut Conn,
    scan: ScanId,
    against: ScanId,
    limit: i64,
) -> Result<Vec<Difference>, StoreError> {
    Ok(sqlx::query_as!(
        Difference,
        r#"with here as (select distinct on (scanner_id, ip, protocol, port) scanner_id, ip, protocol, port, service, version
               from results.open_observations where scan_id = $1 order by scanner_id, ip, protocol, port, at desc),
             there as (select distinct on (scanner_id, ip, protocol, port) scanner_id, ip, protocol, port, service, version
               from results.open_observations where scan_id = $2 order by scanner_id, ip, protocol, port, at desc),
             one_sided as (
               select scanner_id, ip, protocol, port, coalesce(h.seen, false) as now_open,
                 coalesce(h.service, t.service) as service, coalesce(h.version, t.version) as version
               from (select *, true as seen from here) h full join (select *, true as seen from there) t using (scanner_id, ip, protocol, port)
               where h.seen is null or t.seen is null)
           select d.scanner_id as "scanner_id!", c.name as "scanner?", host(d.ip) as "ip!", d.port as "port!", d.protocol as "protocol!",
             d.now_open as "now_open!", o.state as "other_state?", d.service as "service?", d.version as "version?",
             (select p.confirmed from results.port_changes p where p.scan_id = $1 and p.scanner_id = d.scanner_id and p.ip = d.ip
               and p.port = d.port and p.protocol = d.protocol limit 1) as "confirmed?"
           from one_sided d
           left join config.scanners c on c.id = d.scanner_id
           left join lateral (
             select max(case when (d.port <@ v.other_ports) = (v.default_state = 'closed') then 'filtered' else 'closed' end) as state
             from results.coverage v join results.port_sets s on s.id = v.port_set_id
             where v.scan_id = case when d.now_open then $2 else $1 end and v.scanner_id = d.scanner_id and v.ip = d.ip
               and v.protocol = d.protocol and d.port <@ s.ports and not d.port <@ v.error_ports and not d.port <@ v.not_probed_ports) o on true
           order by d.now_open desc, d.ip, d.port, lower(c.name) limit $3"#,
        scan.get(),
        against.get(),
        limit
    )
    .fetch_all(conn)
    .await?)
}
