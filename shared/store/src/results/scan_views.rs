//! Scans as people look at them: lists, and one with its progress.
//!
//! Progress is read from the sweep jobs: probes attempted, a leased job counted by what its scanner says
//! (`probed_index`). Jobs are kept 30 days; after that the receipts tell what was attempted.
use chrono::{DateTime, Utc};
use mipo_domain::ids::{ScanId, ScannerId, TemplateId};
use sqlx::{FromRow, Postgres, QueryBuilder};

use crate::{Conn, StoreError};

/// Above this many a total is not counted any further.
pub const COUNT_LIMIT: i64 = 100_000;

/// A scan in a list.
#[derive(Clone, Debug, FromRow)]
pub struct ScanRow {
    /// Shown as `#N`.
    #[sqlx(try_from = "i64")]
    pub id: ScanId,
    /// What it runs.
    #[sqlx(try_from = "uuid::Uuid")]
    pub template_id: TemplateId,
    /// Its name at the time.
    pub template_name: String,
    /// True for a scan of typed targets and ports.
    pub adhoc: bool,
    /// Status word.
    pub status: String,
    /// Why, where that needs saying.
    pub status_reason: Option<String>,
    /// Why it was asked for.
    pub reason: String,
    /// By whom.
    pub started_by: String,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When its jobs were made.
    pub planning_finished_at: Option<DateTime<Utc>>,
    /// When its first job began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// Hosts over all jobs.
    pub hosts_planned: i64,
    /// Probes over all jobs.
    pub probes_planned: i64,
    /// Probes so far.
    pub probes_attempted: i64,
    /// Probes left out because of exclusions made later.
    pub probes_excluded: i64,
    /// Hosts of finished jobs.
    pub hosts_done: i64,
    /// Sweep jobs.
    pub jobs: i64,
    /// Those that have ended.
    pub jobs_done: i64,
    /// Scanners that take part.
    pub scanners: i64,
    /// Open ports, once concluded.
    pub open_count: Option<i64>,
    /// Changes, once concluded.
    pub change_count: Option<i64>,
    /// Tests that passed.
    pub tests_pass: i32,
    /// Tests that failed.
    pub tests_fail: i32,
    /// Open ports that no test expects.
    pub tests_unexpected: i32,
    /// Tests without an observation.
    pub tests_not_tested: i32,
}

impl ScanRow {
    /// True when it will not change any more.
    pub const fn has_ended(&self) -> bool {
        self.completed_at.is_some()
    }
}

const COLUMNS: &str =
    "s.id, s.template_id, s.template_name, s.adhoc, s.status, s.status_reason, s.reason, s.started_by,
  s.requested_at, s.planning_finished_at, s.started_at, s.completed_at, s.hosts_planned, s.probes_planned, s.open_count,
  s.change_count, s.tests_pass, s.tests_fail, s.tests_unexpected, s.tests_not_tested,
  coalesce(case when j.jobs > 0 then j.attempted else r.attempted end, 0) as probes_attempted,
  coalesce(case when j.jobs > 0 then j.excluded else r.excluded end, 0) as probes_excluded,
  coalesce(case when j.jobs > 0 then j.hosts_done else s.hosts_planned end, 0) as hosts_done,
  coalesce(case when j.jobs > 0 then j.jobs else r.jobs end, 0) as jobs,
  coalesce(case when j.jobs > 0 then j.jobs_done else r.jobs end, 0) as jobs_done,
  coalesce(case when j.jobs > 0 then j.scanners else r.scanners end, 0) as scanners";

const JOINS: &str = " left join lateral (
    select count(*) as jobs, count(*) filter (where finished_at is not null) as jobs_done,
      sum(case when status in ('assigned', 'running') then greatest(probed_index, probes_attempted) else probes_attempted end)::bigint as attempted,
      sum(excluded_count)::bigint as excluded, count(distinct scanner_id) as scanners,
      coalesce(sum(hosts_planned) filter (where finished_at is not null), 0)::bigint as hosts_done
    from jobs.scan_jobs where scan_id = s.id and kind = 'sweep') j on true
  left join lateral (
    select count(*) as jobs, count(distinct scanner_id) as scanners, sum(probes_attempted)::bigint as attempted, sum(excluded_count)::bigint as excluded
    from results.receipts where scan_id = s.id and j.jobs = 0) r on true";

/// What a list of scans is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    /// Requested at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Requested before this time.
    pub before: Option<DateTime<Utc>>,
    /// One of these statuses; empty for any.
    pub statuses: Vec<String>,
    /// By this person.
    pub started_by: Option<String>,
    /// Of the template of this name.
    pub template: Option<String>,
    /// Words in template, person or number.
    pub q: Option<String>,
    /// Only those that have ended.
    pub ended: bool,
    /// Only those that have not.
    pub unended: bool,
    /// Those that have not ended, however old they are, besides the others.
    pub with_unended: bool,
}

/// Columns that a list can be sorted by.
pub const SORTS: &[&str] = &["id", "template", "status", "startedBy", "requested", "started", "completed", "openPorts"];

fn narrow(query: &mut QueryBuilder<Postgres>, by: &Narrow) {
    query.push(" where true");
    if by.from.is_some() || by.before.is_some() {
        query.push(" and (true");
        if let Some(from) = by.from {
            query.push(" and s.requested_at >= ").push_bind(from);
        }
        if let Some(before) = by.before {
            query.push(" and s.requested_at < ").push_bind(before);
        }
        query.push(if by.with_unended { " or s.completed_at is null)" } else { ")" });
    }
    if by.ended {
        query.push(" and s.completed_at is not null");
    }
    if by.unended {
        query.push(" and s.completed_at is null");
    }
    if !by.statuses.is_empty() {
        query.push(" and s.status = any(").push_bind(by.statuses.clone()).push(")");
    }
    if let Some(who) = &by.started_by {
        query.push(" and s.started_by = ").push_bind(who.clone());
    }
    if let Some(template) = &by.template {
        query.push(" and lower(s.template_name) = lower(").push_bind(template.clone()).push(")");
    }
    if let Some(q) = &by.q {
        let words = format!("%{}%", q.trim_start_matches('#').replace(['%', '_', '\\'], ""));
        query.push(" and (s.template_name ilike ").push_bind(words.clone());
        query.push(" or s.started_by ilike ").push_bind(words);
        query.push(" or s.id::text = ").push_bind(q.trim_start_matches('#').to_owned()).push(")");
    }
}

/// A page of scans and how many there are (counted up to [`COUNT_LIMIT`]). Unknown sort columns are left out.
pub async fn list(
    conn: &mut Conn,
    by: &Narrow,
    sort: &[(String, bool)],
    limit: i64,
    offset: i64,
) -> Result<(Vec<ScanRow>, i64), StoreError> {
    let mut query = QueryBuilder::new("select ");
    query.push(COLUMNS).push(" from (select * from results.scans s");
    narrow(&mut query, by);
    query.push(" order by ");
    for (column, down) in sort {
        let expression = match column.as_str() {
            "id" => "s.id",
            "template" => "lower(s.template_name)",
            "status" => "s.status",
            "startedBy" => "lower(s.started_by)",
            "requested" => "s.requested_at",
            "started" => "s.started_at",
            "completed" => "s.completed_at",
            "openPorts" => "s.open_count",
            _ => continue,
        };
        query.push(expression).push(if *down { " desc nulls last, " } else { " asc nulls last, " });
    }
    query.push("s.id desc limit ").push_bind(limit).push(" offset ").push_bind(offset);
    // The jobs are looked at for the rows of this page alone; the order of the page is kept by its row number.
    query.push(") s").push(JOINS);
    let mut rows: Vec<ScanRow> = query.build_query_as().fetch_all(&mut *conn).await?;
    resort(&mut rows, sort);

    let mut count = QueryBuilder::new("select count(*) from (select 1 from results.scans s");
    narrow(&mut count, by);
    count.push(" limit ").push_bind(COUNT_LIMIT + 1).push(") c");
    let total: i64 = count.build_query_scalar().fetch_one(conn).await?;
    Ok((rows, total))
}

/// A join may change the order of the rows: the page is small, so it is ordered again here.
fn resort(rows: &mut [ScanRow], sort: &[(String, bool)]) {
    use std::cmp::Ordering;
    fn last_if_none<T: Ord>(a: Option<&T>, b: Option<&T>, down: bool) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) => {
                if down {
                    b.cmp(a)
                } else {
                    a.cmp(b)
                }
            }
            (None, None) => Ordering::Equal,
            (None, _) => Ordering::Greater,
            (_, None) => Ordering::Less,
        }
    }
    rows.sort_by(|a, b| {
        for (column, down) in sort {
            let order = match column.as_str() {
                "id" => last_if_none(Some(&a.id), Some(&b.id), *down),
                "template" => {
                    last_if_none(Some(&a.template_name.to_lowercase()), Some(&b.template_name.to_lowercase()), *down)
                }
                "status" => last_if_none(Some(&a.status), Some(&b.status), *down),
                "startedBy" => {
                    last_if_none(Some(&a.started_by.to_lowercase()), Some(&b.started_by.to_lowercase()), *down)
                }
                "requested" => last_if_none(Some(&a.requested_at), Some(&b.requested_at), *down),
                "started" => last_if_none(a.started_at.as_ref(), b.started_at.as_ref(), *down),
                "completed" => last_if_none(a.completed_at.as_ref(), b.completed_at.as_ref(), *down),
                "openPorts" => last_if_none(a.open_count.as_ref(), b.open_count.as_ref(), *down),
                _ => Ordering::Equal,
            };
            if order.is_ne() {
                return order;
            }
        }
        b.id.cmp(&a.id)
    });
}

/// The scan `id`.
pub async fn get(conn: &mut Conn, id: ScanId) -> Result<Option<ScanRow>, StoreError> {
    let mut query = QueryBuilder::new("select ");
    query.push(COLUMNS).push(" from results.scans s").push(JOINS).push(" where s.id = ").push_bind(id.get());
    Ok(query.build_query_as().fetch_optional(conn).await?)
}

/// What of a scan is shown on its own page alone.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// Canonical JSON, zstd; absent until planned.
    pub scope: Option<Vec<u8>>,
    /// Its hash.
    pub scope_hash: Option<Vec<u8>>,
    /// Orders the probes.
    pub seed: Vec<u8>,
    /// What somebody should know of.
    pub warnings: serde_json::Value,
}

/// The frozen scope of a scan.
pub async fn frozen(conn: &mut Conn, id: ScanId) -> Result<Option<Frozen>, StoreError> {
    Ok(sqlx::query_as!(Frozen, "select scope, scope_hash, seed, warnings from results.scans where id = $1", id.get())
        .fetch_optional(conn)
        .await?)
}

/// The share of one scanner in a scan.
#[derive(Clone, Debug)]
pub struct Share {
    /// Who.
    pub scanner_id: ScannerId,
    /// Their name, if they still exist.
    pub scanner: Option<String>,
    /// Their status, if they still exist.
    pub scanner_status: Option<String>,
    /// When they were last heard of.
    pub last_heartbeat_at: Option<DateTime<Utc>>,
    /// Sweep jobs.
    pub jobs: i64,
    /// Those that have ended.
    pub jobs_done: i64,
    /// Those that are held now.
    pub jobs_running: i64,
    /// Those that wait for an operator, a blackout or an exclusion.
    pub jobs_paused: i64,
    /// Those that ended without being whole.
    pub jobs_bad: i64,
    /// Probes planned.
    pub planned: i64,
    /// Probes so far.
    pub attempted: i64,
    /// Hosts planned.
    pub hosts_planned: i64,
    /// Hosts of finished jobs.
    pub hosts_done: i64,
    /// Probes that failed for a local reason.
    pub errors: i64,
    /// Open ports reported so far.
    pub open: i64,
    /// Ceiling over the jobs that are held now; 0 when one of them has none.
    pub ceiling: i64,
    /// Last word from them about this scan.
    pub last_progress_at: Option<DateTime<Utc>>,
}

/// What each scanner does for a scan, by name.
pub async fn shares(conn: &mut Conn, id: ScanId) -> Result<Vec<Share>, StoreError> {
    Ok(sqlx::query_as!(
        Share,
        r#"select j.scanner_id, c.name as "scanner?", c.status as "scanner_status?", c.last_heartbeat_at as "last_heartbeat_at?",
             count(*) as "jobs!", count(*) filter (where j.finished_at is not null) as "jobs_done!",
             count(*) filter (where j.status in ('assigned', 'running')) as "jobs_running!",
             count(*) filter (where j.status = 'paused') as "jobs_paused!",
             count(*) filter (where j.status in ('partial', 'failed', 'timed_out')) as "jobs_bad!",
             sum(j.probes_planned)::bigint as "planned!",
             sum(case when j.status in ('assigned', 'running') then greatest(j.probed_index, j.probes_attempted) else j.probes_attempted end)::bigint as "attempted!",
             sum(j.hosts_planned)::bigint as "hosts_planned!",
             coalesce(sum(j.hosts_planned) filter (where j.finished_at is not null), 0)::bigint as "hosts_done!",
             sum(j.error_count)::bigint as "errors!", sum(j.result_count)::bigint as "open!",
             case when bool_or(j.max_probes_per_second = 0) filter (where j.status in ('assigned', 'running')) then 0
               else coalesce(sum(j.max_probes_per_second) filter (where j.status in ('assigned', 'running')), 0) end::bigint as "ceiling!",
             max(j.last_progress_at) as "last_progress_at?"
           from jobs.scan_jobs j left join config.scanners c on c.id = j.scanner_id
           where j.scan_id = $1 and j.kind = 'sweep'
           group by j.scanner_id, c.name, c.status, c.last_heartbeat_at
           order by lower(c.name), j.scanner_id"#,
        id.get()
    )
    .fetch_all(conn)
    .await?)
}

/// The last scan of the same template that ended before this one began and covered something.
pub async fn previous(conn: &mut Conn, id: ScanId, template: TemplateId) -> Result<Option<ScanId>, StoreError> {
    let found = sqlx::query_scalar!(
        "select s.id from results.scans s
         where s.template_id = $2 and s.id < $1 and s.completed_at is not null
           and exists (select from results.coverage c where c.scan_id = s.id)
         order by s.id desc limit 1",
        id.get(),
        template.as_uuid()
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(ScanId::from))
}
