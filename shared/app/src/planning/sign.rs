//! Signing anew: a new spec over the same index space, good for later attempts only (product 7.5).
use chrono::Duration;
use mipo_domain::exclusions::Exclusion;
use mipo_domain::ids::{ScanId, ScanJobId};
use mipo_protocol::signature::SigningKey;
use mipo_store::Conn;
use mipo_store::jobs::job_errors;
use mipo_store::jobs::scan_jobs::{self, Resigned};

use super::Rules;
use crate::job_errors::{flaw, public_keys};
use crate::results::spec_of;
use crate::scans::touched;
use crate::{AppError, Ctx, exclusions};

/// Signs the jobs of `scan` that wait for it. Answers how many.
pub async fn sign_anew(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    rules: &Rules,
    key: &SigningKey,
    scan: ScanId,
) -> Result<usize, AppError> {
    let ids = scan_jobs::to_sign(conn, Some(scan)).await?;
    sign_jobs(conn, ctx, rules, key, &ids).await
}

/// Signs every job that waits for it, also pending ones whose signature ends soon: within the hour, or within a quarter of
/// its life where that is shorter, so that a short life does not mean signing in every round.
pub async fn sign_anew_due(conn: &mut Conn, ctx: &Ctx<'_>, rules: &Rules, key: &SigningKey) -> Result<usize, AppError> {
    let soon = Duration::hours(1).min(rules.max_job_age / 4);
    scan_jobs::ask_to_sign_expiring(conn, soon.as_seconds_f64()).await?;
    let ids = scan_jobs::to_sign(conn, None).await?;
    sign_jobs(conn, ctx, rules, key, &ids).await
}

/// Signs those of `ids` that wait for it. Answers how many.
pub(crate) async fn sign_jobs(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    rules: &Rules,
    key: &SigningKey,
    ids: &[ScanJobId],
) -> Result<usize, AppError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let (in_force, keys) = (exclusions::in_force(conn).await?, public_keys(conn).await?);
    let mut signed = 0;
    for &id in ids {
        let Some(job) = scan_jobs::lock_to_sign(conn, id).await? else { continue };
        // What nobody signed is not signed by signing it anew; and one such job keeps no other waiting.
        if let Some(found @ ("unreadable" | "signature")) = flaw(&job.spec, &job.signature, &keys) {
            job_errors::set_flaws(conn, &[(id, Some(found))]).await?;
            continue;
        }
        let mut spec = spec_of(&job)?;
        // Another one than it was signed for, after a reassign.
        spec.scanner_id = job.scanner_id;
        let added: Vec<Exclusion> = serde_json::from_value(job.added_exclusions.clone())
            .map_err(|error| AppError::Internal(format!("added exclusions of job {id}: {error}")))?;
        for exclusion in added.into_iter().chain(in_force.meeting(&spec.targets)) {
            if !spec.exclusions.contains(&exclusion) {
                spec.exclusions.push(exclusion);
            }
        }
        spec.min_attempt = job.lease_attempt.cast_unsigned() + 1;
        spec.not_before = ctx.now();
        spec.expires_at = ctx.now() + rules.max_job_age;
        let (min_attempt, expires_at) = (spec.min_attempt.cast_signed(), spec.expires_at);
        let bytes = spec.sign(key);
        let resigned = Resigned {
            id,
            spec: &bytes.spec.0,
            signature: &bytes.signature.0,
            min_attempt,
            spec_expires_at: expires_at,
        };
        scan_jobs::set_signed(conn, &resigned).await?;
        touched(conn, job.scan_id).await?;
        signed += 1;
    }
    Ok(signed)
}
