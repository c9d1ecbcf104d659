//! Open observations (`results.open_observations`): every time a port answered.
use std::fmt::Write as _;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use mipo_domain::ids::{ScanId, ScanJobId, ScannerId};
use mipo_domain::ports::Protocol;
use mipo_domain::targets::Probe;

use crate::jobs::job_hosts::host;
use crate::{Conn, StoreError};

/// A port that answered.
#[derive(Clone, Debug)]
pub struct Observation {
    /// When.
    pub at: DateTime<Utc>,
    /// The address.
    pub ip: IpAddr,
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// Round-trip time.
    pub rtt_us: i32,
    /// Probes that it took.
    pub tries: i32,
    /// From a passive banner.
    pub service: Option<String>,
    /// From a passive banner.
    pub version: Option<String>,
}

/// A port that a job found open.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where.
    pub probe: Probe,
    /// Round-trip time.
    pub rtt_us: Option<i32>,
    /// Probes that it took.
    pub tries: i32,
    /// From a passive banner.
    pub service: Option<String>,
    /// From a passive banner.
    pub version: Option<String>,
}

/// Makes the partitions of the series that hold `from` to `to`, where maintenance did not foresee them.
pub async fn ensure_partitions(conn: &mut Conn, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query_scalar!("select results.ensure_partitions($1, $2)", from, to).fetch_one(conn).await?;
    Ok(())
}

/// Stores observations by COPY.
pub async fn copy(
    conn: &mut Conn,
    scan_id: ScanId,
    job_id: ScanJobId,
    scanner_id: ScannerId,
    rows: &[Observation],
) -> Result<(), StoreError> {
    const CHUNK: usize = 20_000;
    let (Some(from), Some(to)) = (rows.iter().map(|row| row.at).min(), rows.iter().map(|row| row.at).max()) else {
        return Ok(());
    };
    ensure_partitions(conn, from, to).await?;
    let mut copy = conn
        .copy_in_raw(
            "copy results.open_observations (at, scan_id, job_id, scanner_id, ip, protocol, port, rtt_us, tries, service, version)
             from stdin",
        )
        .await?;
    for rows in rows.chunks(CHUNK) {
        let mut text = String::with_capacity(rows.len() * 140);
        for row in rows {
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "{}\t{scan_id}\t{job_id}\t{scanner_id}\t{}\t{}\t{}\t{}\t{}\t",
                row.at.to_rfc3339(),
                row.ip,
                row.protocol,
                row.port,
                row.rtt_us,
                row.tries
            );
            push_text(&mut text, row.service.as_deref());
            text.push('\t');
            push_text(&mut text, row.version.as_deref());
            text.push('\n');
        }
        copy.send(text.into_bytes()).await?;
    }
    copy.finish().await?;
    Ok(())
}

/// Writes a nullable text in the form of COPY.
fn push_text(out: &mut String, value: Option<&str>) {
    let Some(value) = value else {
        out.push_str("\\N");
        return;
    };
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\0' => {}
            other => out.push(other),
        }
    }
}

/// What the job found open.
pub async fn of_job(conn: &mut Conn, job_id: ScanJobId) -> Result<Vec<Found>, StoreError> {
    let rows = sqlx::query!(
        r#"select ip as "ip: IpNet", protocol, port, rtt_us, tries, service, version
           from results.open_observations where job_id = $1"#,
        job_id.get()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let (ip, protocol) = host(row.ip, &row.protocol)?;
            let port = u16::try_from(row.port).map_err(|_| StoreError::inconsistent(format!("port {}", row.port)))?;
            Ok(Found {
                probe: Probe { ip, protocol, port },
                rtt_us: row.rtt_us,
                tries: row.tries,
                service: row.service,
                version: row.version,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::push_text;

    #[test]
    fn texts_survive_copy() {
        let mut out = String::new();
        push_text(&mut out, Some("a\tb\\N\nc\0"));
        out.push('|');
        push_text(&mut out, None);
        assert_eq!(out, "a\\tb\\\\N\\nc|\\N");
    }
}
