//! Accepted parts on their way into the results, and what is left of them for the receipt. Accepting them is the
//! room of ingest.
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use mipo_domain::ids::{ScanJobId, ScannerId};
use mipo_domain::intervals::Intervals;

use crate::{Conn, StoreError};

/// An accepted part that is not stored yet.
#[derive(Clone, Debug)]
pub struct UnstoredPart {
    /// Its job.
    pub job_id: ScanJobId,
    /// The attempt that sent it.
    pub lease_attempt: i32,
    /// Its number in the attempt.
    pub seq: i32,
    /// First index.
    pub from_index: i64,
    /// The index after the last.
    pub to_index: i64,
    /// Its bytes, zstd.
    pub payload: Vec<u8>,
    /// When ingest accepted it.
    pub received_at: DateTime<Utc>,
    /// The trace that its job belongs to.
    pub traceparent: Option<String>,
}

/// A scanner whose accepted parts wait to be stored.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The scanner.
    pub scanner_id: ScannerId,
    /// The trace of the job whose part is the next one.
    pub traceparent: Option<String>,
}

/// What a receipt says about a part.
#[derive(Clone, Debug)]
pub struct PartFact {
    /// The attempt that sent it.
    pub lease_attempt: i32,
    /// Its number in the attempt.
    pub seq: i32,
    /// First index.
    pub from_index: i64,
    /// The index after the last.
    pub to_index: i64,
    /// SHA-256 of its bytes.
    pub sha256: Vec<u8>,
    /// Where it came from.
    pub source_ip: Option<IpAddr>,
    /// When ingest accepted it.
    pub received_at: DateTime<Utc>,
}

/// The next part of the scanner that is to be stored, by job, attempt and number; locked until the transaction ends.
pub async fn next(conn: &mut Conn, scanner_id: ScannerId) -> Result<Option<UnstoredPart>, StoreError> {
    Ok(sqlx::query_as!(
        UnstoredPart,
        r#"select p.job_id, p.lease_attempt, p.seq, p.from_index, p.to_index, p.payload as "payload!", p.received_at,
             j.traceparent
           from jobs.result_parts p join jobs.scan_jobs j on j.id = p.job_id
           where p.scanner_id = $1 and p.stored_at is null
           order by p.job_id, p.lease_attempt, p.seq limit 1 for update of p"#,
        scanner_id.as_uuid()
    )
    .fetch_optional(conn)
    .await?)
}

/// Says that the part is stored; its payload is freed. The rows that it brought commit with this.
pub async fn mark_stored(conn: &mut Conn, part: &UnstoredPart) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs.result_parts set stored_at = now(), payload = null where job_id = $1 and lease_attempt = $2 and seq = $3",
        part.job_id.get(),
        part.lease_attempt,
        part.seq,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// True while accepted parts of the job wait to be stored.
pub async fn any_of_job(conn: &mut Conn, job_id: ScanJobId) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from jobs.result_parts where job_id = $1 and stored_at is null) as "any!""#,
        job_id.get()
    )
    .fetch_one(conn)
    .await?)
}

/// Scanners whose accepted parts wait to be stored.
pub async fn scanners(conn: &mut Conn) -> Result<Vec<Waiting>, StoreError> {
    Ok(sqlx::query_as!(
        Waiting,
        "select distinct on (p.scanner_id) p.scanner_id, j.traceparent
         from jobs.result_parts p join jobs.scan_jobs j on j.id = p.job_id
         where p.stored_at is null order by p.scanner_id, p.job_id"
    )
    .fetch_all(conn)
    .await?)
}

/// Every accepted part of the job, for its receipt.
pub async fn facts(conn: &mut Conn, job_id: ScanJobId) -> Result<Vec<PartFact>, StoreError> {
    let rows = sqlx::query!(
        r#"select lease_attempt, seq, from_index, to_index, sha256, source_ip as "source_ip: IpNet", received_at
           from jobs.result_parts where job_id = $1 order by from_index"#,
        job_id.get()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| PartFact {
            lease_attempt: row.lease_attempt,
            seq: row.seq,
            from_index: row.from_index,
            to_index: row.to_index,
            sha256: row.sha256,
            source_ip: row.source_ip.map(|net| net.addr()),
            received_at: row.received_at,
        })
        .collect())
}

/// Who handed in which indices of the job, in the order in which they came: more than one after a reassign.
pub async fn vantages(conn: &mut Conn, job_id: ScanJobId) -> Result<Vec<(ScannerId, Intervals<u64>)>, StoreError> {
    let rows = sqlx::query!(
        r#"select scanner_id, array_agg(from_index order by from_index) as "from!", array_agg(to_index order by from_index) as "to!"
           from jobs.result_parts where job_id = $1 group by scanner_id order by min(from_index)"#,
        job_id.get()
    )
    .fetch_all(conn)
    .await?;
    let inclusive = |(from, to): (&i64, &i64)| (from.cast_unsigned(), to.cast_unsigned().saturating_sub(1));
    Ok(rows
        .into_iter()
        .map(|row| (row.scanner_id.into(), Intervals::from_ranges(row.from.iter().zip(&row.to).map(inclusive))))
        .collect())
}
