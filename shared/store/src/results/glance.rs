//! Counts that stand in the navigation of every page: cheap by partial indexes.
use crate::{Conn, StoreError};

/// What needs an eye.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Scans that are neither finished nor paused.
    pub running_scans: i64,
    /// Alarms that are open.
    pub open_alarms: i64,
}

/// Counts them.
pub async fn counts(conn: &mut Conn) -> Result<Counts, StoreError> {
    Ok(sqlx::query_as!(
        Counts,
        r#"select
             (select count(*) from results.scans where completed_at is null and status <> 'paused') as "running_scans!",
             (select count(*) from config.alarms where state = 'open') as "open_alarms!""#
    )
    .fetch_one(conn)
    .await?)
}

/// A scanner that does no work.
#[derive(Clone, Debug)]
pub struct Idle {
    /// Its id.
    pub id: mipo_domain::ids::ScannerId,
    /// Its name.
    pub name: String,
    /// `pending`, `offline` or `disabled`.
    pub status: String,
    /// When it was last heard of.
    pub last_heartbeat_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Jobs that wait for it.
    pub waiting_jobs: i64,
}

/// Scanners that are not active, those with waiting jobs first, and how many there are in all.
pub async fn scanners_not_active(conn: &mut Conn) -> Result<(Vec<Idle>, i64), StoreError> {
    let idle = sqlx::query_as!(
        Idle,
        r#"select c.id, c.name, c.status, c.last_heartbeat_at,
             (select count(*) from jobs.scan_jobs j where j.scanner_id = c.id and j.finished_at is null) as "waiting_jobs!"
           from config.scanners c where c.status <> 'active' order by 5 desc, lower(c.name) limit 20"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let all = sqlx::query_scalar!(r#"select count(*) as "n!" from config.scanners"#).fetch_one(conn).await?;
    Ok((idle, all))
}

/// An alarm that wants somebody.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// Its id.
    pub id: mipo_domain::ids::AlarmId,
    /// The rule that opened it.
    pub rule: String,
    /// `critical`, `high`, `warning` or `info`.
    pub severity: String,
    /// `open` or `acknowledged`.
    pub state: String,
    /// One sentence.
    pub summary: String,
    /// How often it was triggered.
    pub count: i32,
    /// Since when.
    pub first_seen: chrono::DateTime<chrono::Utc>,
}

/// Alarms that are not resolved, worst first.
pub async fn alarms(conn: &mut Conn, limit: i64) -> Result<Vec<Alarm>, StoreError> {
    Ok(sqlx::query_as!(
        Alarm,
        "select id, rule, severity, state, summary, count, first_seen from config.alarms where state <> 'resolved'
         order by case severity when 'critical' then 0 when 'high' then 1 when 'warning' then 2 else 3 end, first_seen desc limit $1",
        limit
    )
    .fetch_all(conn)
    .await?)
}

/// What stands on the way from an empty installation to a first result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstSteps {
    /// A target exists.
    pub target: bool,
    /// A port list exists.
    pub ports: bool,
    /// A template exists.
    pub template: bool,
    /// A scan has ended with coverage.
    pub scan: bool,
    /// A scanner has been active.
    pub scanner: bool,
    /// Backups have somebody who can read them.
    pub backup: bool,
}

/// Looks which steps are done.
pub async fn first_steps(conn: &mut Conn) -> Result<FirstSteps, StoreError> {
    Ok(sqlx::query_as!(
        FirstSteps,
        r#"select exists (select from config.subnets where not built_in) or exists (select from config.fqdns where not built_in) as "target!",
             exists (select from config.port_lists) as "ports!",
             exists (select from config.scan_templates where not adhoc and not built_in) as "template!",
             exists (select from results.scans where status in ('completed', 'partial')) as "scan!",
             exists (select from config.scanners where first_heartbeat_at is not null) as "scanner!",
             coalesce((select cardinality(recipients) > 0 from config.backup_settings), false) as "backup!""#
    )
    .fetch_one(conn)
    .await?)
}

/// Figures of the home page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Open ports known now, over all vantages.
    pub open_ports: i64,
    /// Addresses with current state, over all vantages.
    pub hosts: i64,
    /// Changes recorded in the last 24 h.
    pub changes: i64,
    /// Those to open.
    pub opened: i64,
    /// Those from open.
    pub closed: i64,
    /// Scanners that are active.
    pub scanners_active: i64,
    /// Scanners.
    pub scanners: i64,
    /// Job errors that are open.
    pub job_errors: i64,
}

/// Reads the figures. Totals of large tables are the planner's estimates above a hundred thousand rows.
pub async fn figures(conn: &mut Conn, since: chrono::DateTime<chrono::Utc>) -> Result<Figures, StoreError> {
    Ok(sqlx::query_as!(
        Figures,
        r#"select
             (select case when c.reltuples > 100000 then c.reltuples::bigint else (select count(*) from results.port_current) end
              from pg_class c where c.oid = 'results.port_current'::regclass) as "open_ports!",
             (select case when c.reltuples > 100000 then c.reltuples::bigint else (select count(*) from results.host_current) end
              from pg_class c where c.oid = 'results.host_current'::regclass) as "hosts!",
             d.changes as "changes!", d.opened as "opened!", d.closed as "closed!",
             (select count(*) from config.scanners where status = 'active') as "scanners_active!",
             (select count(*) from config.scanners) as "scanners!",
             (select count(*) from jobs.job_errors where resolved_at is null) as "job_errors!"
           from (select count(*) as changes, count(*) filter (where current_state = 'open') as opened,
               count(*) filter (where previous_state = 'open') as closed
             from results.port_changes where at >= $1) d"#,
        since
    )
    .fetch_one(conn)
    .await?)
}
