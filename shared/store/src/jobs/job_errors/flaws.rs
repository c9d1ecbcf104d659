//! Whether what a job is to probe can be read and trusted. Each spec is judged once: a trigger voids the judgement with
//! any change of the spec or its signature.
use mipo_domain::ids::ScanJobId;

use crate::{Conn, StoreError};

/// A job whose spec nobody has looked at since it was signed.
#[derive(Clone, Debug)]
pub struct Unjudged {
    /// The job.
    pub id: ScanJobId,
    /// The bytes.
    pub spec: Vec<u8>,
    /// What should be Ed25519 over them.
    pub signature: Vec<u8>,
}

/// At most `limit` of them, locked until the transaction ends.
pub async fn unjudged(conn: &mut Conn, limit: i64) -> Result<Vec<Unjudged>, StoreError> {
    Ok(sqlx::query_as!(
        Unjudged,
        "select id, spec, signature from jobs.scan_jobs
         where finished_at is null and spec_judged_at is null order by id limit $1 for update skip locked",
        limit
    )
    .fetch_all(conn)
    .await?)
}

/// Keeps what was found: `unreadable`, `signature`, `excluded`, or nothing.
pub async fn set_flaws(conn: &mut Conn, found: &[(ScanJobId, Option<&'static str>)]) -> Result<(), StoreError> {
    let ids: Vec<i64> = found.iter().map(|(id, _)| id.get()).collect();
    let flaws: Vec<Option<String>> = found.iter().map(|(_, flaw)| flaw.map(str::to_owned)).collect();
    sqlx::query!(
        "update jobs.scan_jobs j set spec_judged_at = now(), spec_flaw = f.flaw
         from unnest($1::bigint[], $2::text[]) f (id, flaw) where f.id = j.id",
        &ids,
        &flaws as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
