//! Job errors (`jobs.job_errors`): what is wrong with scan jobs, found from what the tables say, and what was done about
//! it.
mod conditions;
mod flaws;
mod list;
mod repairs;

pub use conditions::{Condition, Judge, conditions, versions_of_holders};
pub use flaws::{Unjudged, set_flaws, unjudged};
pub use list::{JobError, filter_values, find, get, many, of_jobs};
pub use repairs::{Asked, Locked, lock, set_repairs};

use chrono::{DateTime, Utc};
use mipo_domain::ids::{JobErrorId, ScanId, ScanJobId, ScannerId};
use serde_json::Value;
use uuid::Uuid;

use crate::{Conn, StoreError};

/// A job error that is not resolved.
#[derive(Clone, Debug)]
pub struct Open {
    /// Its id.
    pub id: JobErrorId,
    /// What it is about.
    pub job_id: ScanJobId,
    /// The scan of that.
    pub scan_id: ScanId,
    /// The scanner that had the job when it was opened.
    pub scanner_id: ScannerId,
    /// What is wrong, a word of `mipo_domain::job_errors::Class`.
    pub class: String,
    /// Somebody has seen it: its alarm was acknowledged or resolved since it was opened, or there never was one and a day
    /// has gone by.
    pub seen: bool,
}

/// A job error that is about to be opened.
#[derive(Clone, Debug)]
pub struct New<'a> {
    /// Its id.
    pub id: JobErrorId,
    /// What holds.
    pub condition: &'a Condition,
    /// Where the cause lies.
    pub category: &'a str,
}

/// Held while conditions are compared with what is open, so that two dispatchers open one.
pub async fn lock_all(conn: &mut Conn) -> Result<(), StoreError> {
    sqlx::query!(r#"select pg_advisory_xact_lock(hashtextextended('mipo.job_errors', 0)) as "locked!: ()""#)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// Everything that is open.
pub async fn open(conn: &mut Conn) -> Result<Vec<Open>, StoreError> {
    Ok(sqlx::query_as!(
        Open,
        r#"select e.state_id as id, e.job_id, e.scan_id, e.scanner_id, e.class,
             exists (select from config.alarms a
                     where a.alarm_key = 'job-error:job-error:' || e.class || ':' || e.scanner_id
                       and (a.acknowledged_at >= e.opened_at or a.resolved_at >= e.opened_at))
             or e.opened_at < now() - interval '1 day'
                and not exists (select from config.alarms a
                                where a.alarm_key = 'job-error:job-error:' || e.class || ':' || e.scanner_id
                                  and a.last_bump >= e.opened_at - interval '1 minute') as "seen!"
           from jobs.job_errors e where e.resolved_at is null"#
    )
    .fetch_all(conn)
    .await?)
}

/// Opens job errors at `at`.
pub async fn insert(conn: &mut Conn, new: &[New<'_>], at: DateTime<Utc>) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = new.iter().map(|one| one.id.as_uuid()).collect();
    let jobs: Vec<i64> = new.iter().map(|one| one.condition.job_id.get()).collect();
    let scans: Vec<i64> = new.iter().map(|one| one.condition.scan_id.get()).collect();
    let scanners: Vec<Uuid> = new.iter().map(|one| one.condition.scanner_id.as_uuid()).collect();
    let classes: Vec<String> = new.iter().map(|one| one.condition.class.clone()).collect();
    let categories: Vec<String> = new.iter().map(|one| one.category.to_owned()).collect();
    let contexts: Vec<Value> = new.iter().map(|one| one.condition.context.clone()).collect();
    sqlx::query!(
        "insert into jobs.job_errors (state_id, job_id, scan_id, scanner_id, class, category, context, opened_at)
         select * , $8::timestamptz
         from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::jsonb[])",
        &ids,
        &jobs,
        &scans,
        &scanners,
        &classes,
        &categories,
        &contexts,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Closes job errors at `at`.
pub async fn resolve(conn: &mut Conn, ids: &[JobErrorId], by: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    sqlx::query!(
        "update jobs.job_errors set resolved_at = $2, resolved_by = $3 where state_id = any ($1) and resolved_at is null",
        &ids,
        at,
        by,
    )
    .execute(conn)
    .await?;
    Ok(())
}
