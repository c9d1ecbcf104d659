//! Which scan jobs blackout windows hold (product 7.5).
use ipnet::IpNet;
use mipo_domain::ids::{ScanId, ScannerId};
use uuid::Uuid;

use crate::{Conn, StoreError};

/// Whom blackout windows hold, with their groups resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Every job.
    pub all: bool,
    /// Jobs with an address in one of these,
    pub networks: Vec<IpNet>,
    /// or of one of these scanners.
    pub scanners: Vec<ScannerId>,
}

impl Scope {
    /// True when it holds nothing.
    pub const fn is_empty(&self) -> bool {
        !self.all && self.networks.is_empty() && self.scanners.is_empty()
    }

    /// Holds what `other` holds too.
    pub fn extend(&mut self, other: &Self) {
        self.all |= other.all;
        self.networks.extend_from_slice(&other.networks);
        self.scanners.extend_from_slice(&other.scanners);
    }
}

/// A scan whose jobs were held or let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moved {
    /// The scan.
    pub scan_id: ScanId,
    /// True: some of its jobs are held now. False: some may go on.
    pub held: bool,
}

/// Gives the hold reason `blackout` to the jobs that `scope` holds and takes it from all others, of `scan` or of every
/// scan. Jobs without a lease are `paused` at once, the others are told by the directive of their next call; what goes on
/// is to be signed anew. A job's age counts on: waiting for a window makes no scan younger.
pub async fn hold(conn: &mut Conn, scope: &Scope, scan: Option<ScanId>) -> Result<Vec<Moved>, StoreError> {
    let scanners: Vec<Uuid> = scope.scanners.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"with judged as (
             select j.id, $1 or j.scanner_id = any ($2) or jobs.meets(j.spec, $3) as held
             from jobs.scan_jobs j where j.finished_at is null and ($4::bigint is null or j.scan_id = $4)),
           changed as (
             select j.id, judged.held from jobs.scan_jobs j join judged on judged.id = j.id
             where j.finished_at is null and judged.held <> ('blackout' = any (j.hold_reasons))
             order by j.id for update of j),
           moved as (
             update jobs.scan_jobs j
             set hold_reasons = case when changed.held then array_append(j.hold_reasons, 'blackout')
                                     else array_remove(j.hold_reasons, 'blackout') end,
               status = case when changed.held and j.status = 'pending' then 'paused' else j.status end,
               resign_requested_at = case
                 when not changed.held and j.status = 'paused' and array_remove(j.hold_reasons, 'blackout') = '{}'
                 then coalesce(j.resign_requested_at, now()) else j.resign_requested_at end,
               updated_at = now()
             from changed where changed.id = j.id
             returning j.scan_id, changed.held)
           select distinct scan_id as "scan_id!", held as "held!" from moved order by 1, 2"#,
        scope.all,
        &scanners,
        &scope.networks as &[IpNet],
        scan.map(ScanId::get)
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| Moved { scan_id: row.scan_id.into(), held: row.held }).collect())
}

/// How many jobs of the scan, or of every scan, are held by blackout windows and are in `scope`.
pub async fn held_jobs(conn: &mut Conn, scope: &Scope, scan: Option<ScanId>) -> Result<i64, StoreError> {
    let scanners: Vec<Uuid> = scope.scanners.iter().map(|id| id.as_uuid()).collect();
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from jobs.scan_jobs j
           where j.finished_at is null and 'blackout' = any (j.hold_reasons) and ($4::bigint is null or j.scan_id = $4)
             and ($1 or j.scanner_id = any ($2) or jobs.meets(j.spec, $3))"#,
        scope.all,
        &scanners,
        &scope.networks as &[IpNet],
        scan.map(ScanId::get)
    )
    .fetch_one(conn)
    .await?)
}
