//! Accepting parts (`jobs.result_parts`): ingest's half. Storing them is the dispatcher's.
use mipo_domain::ids::{ScanJobId, ScannerId};

use crate::config::audit::hash32;
use crate::{Conn, StoreError};

/// A part that is about to be kept.
#[derive(Clone, Debug)]
pub struct NewPart<'a> {
    /// Its job.
    pub job_id: ScanJobId,
    /// The attempt that found it.
    pub lease_attempt: i32,
    /// Its number in the attempt.
    pub seq: i32,
    /// Its scanner.
    pub scanner_id: ScannerId,
    /// First index.
    pub from_index: i64,
    /// The index after the last.
    pub to_index: i64,
    /// SHA-256 of the unpacked body.
    pub sha256: [u8; 32],
    /// The JSON of the checked part (rows of excluded addresses dropped), compressed by zstd.
    pub payload: &'a [u8],
    /// Where it came from, as text.
    pub source_ip: &'a str,
}

/// What is known of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownPart {
    /// SHA-256 of the unpacked body.
    pub sha256: [u8; 32],
}

/// The number that the next part of the attempt has.
pub async fn next_seq(conn: &mut Conn, job: ScanJobId, lease_attempt: i32) -> Result<i32, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select coalesce(max(seq) + 1, 0) as "next!" from jobs.result_parts where job_id = $1 and lease_attempt = $2"#,
        job.get(),
        lease_attempt,
    )
    .fetch_one(conn)
    .await?)
}

/// The part (job, attempt, seq), if it was accepted before.
pub async fn known(
    conn: &mut Conn,
    job: ScanJobId,
    lease_attempt: i32,
    seq: i32,
) -> Result<Option<KnownPart>, StoreError> {
    let row = sqlx::query_scalar!(
        "select sha256 from jobs.result_parts where job_id = $1 and lease_attempt = $2 and seq = $3",
        job.get(),
        lease_attempt,
        seq,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|bytes| Ok(KnownPart { sha256: hash32(&bytes, "result_parts.sha256")? })).transpose()
}

/// Keeps a part.
pub async fn insert(conn: &mut Conn, part: &NewPart<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into jobs.result_parts
           (job_id, lease_attempt, seq, scanner_id, from_index, to_index, sha256, payload, payload_bytes, source_ip)
         values ($1, $2, $3, $4, $5, $6, $7, $8, length($8::bytea), $9::text::inet)",
        part.job_id.get(),
        part.lease_attempt,
        part.seq,
        part.scanner_id.as_uuid(),
        part.from_index,
        part.to_index,
        part.sha256.as_slice(),
        part.payload,
        part.source_ip,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Seconds since the oldest part that waits to be stored was received; none when nothing waits.
pub async fn oldest_unstored_seconds(conn: &mut Conn) -> Result<Option<f64>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select extract(epoch from now() - min(received_at))::double precision from jobs.result_parts where stored_at is null"
    )
    .fetch_one(conn)
    .await?)
}

/// A part of the job was refused; the next accepted one sets the count back.
pub async fn count_refused(conn: &mut Conn, job: ScanJobId) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs.scan_jobs set parts_refused = parts_refused + 1, updated_at = now() where id = $1 and finished_at is null",
        job.get()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The scanner calls the job complete, and parts are missing.
pub async fn note_missing(conn: &mut Conn, job: ScanJobId) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs.scan_jobs set parts_missing_since = coalesce(parts_missing_since, now()), updated_at = now() where id = $1",
        job.get()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// True when another scanner handed in parts of the job, before it was reassigned.
pub async fn any_by_others(conn: &mut Conn, job: ScanJobId, scanner: ScannerId) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from jobs.result_parts where job_id = $1 and scanner_id <> $2) as "any!""#,
        job.get(),
        scanner.as_uuid(),
    )
    .fetch_one(conn)
    .await?)
}
