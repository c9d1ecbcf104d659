//! Schedules: when templates run (product 7.6).
use chrono::{DateTime, Utc};
use mipo_domain::ids::{ScheduleId, TemplateId};
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use crate::lists::{Ask, Found, Named, Source};
use crate::{Conn, StoreError};

/// A schedule.
#[derive(Clone, Debug, FromRow)]
pub struct Schedule {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: ScheduleId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// When it runs.
    #[sqlx(flatten)]
    pub timing: Timing,
    /// The templates that it runs, but for those of its groups.
    pub templates: Json<Vec<Named>>,
    /// The template groups that it runs.
    pub template_groups: Json<Vec<Named>>,
    /// False: it runs only when somebody says so.
    pub enabled: bool,
    /// What happens when the run before has not ended: `skip`, `queue`, `parallel`.
    pub overlap_policy: String,
    /// A run that was missed is caught up within so many minutes.
    pub catch_up_minutes: i32,
    /// The planned time of the next run; none when disabled.
    pub next_planned_at: Option<DateTime<Utc>>,
    /// When that run truly starts.
    pub next_start_at: Option<DateTime<Utc>>,
    /// When its last run was started.
    pub last_run_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
    /// Counts edits.
    pub version: i32,
}

/// When a schedule runs: its type, the fields of that type, its zone and its jitter.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Timing {
    /// `hourly`, `daily`, `weekly`, `monthly` or `cron`.
    #[sqlx(rename = "type")]
    pub kind: String,
    /// 0–59
    pub minute: Option<i32>,
    /// 0–23
    pub hour: Option<i32>,
    /// 0–6, 0 = Sunday
    pub day_of_week: Option<i32>,
    /// 1–31
    pub day_of_month: Option<i32>,
    /// Five fields.
    pub cron_expression: Option<String>,
    /// An IANA name.
    pub timezone: String,
    /// A run starts at most so many minutes after its planned time.
    pub jitter_minutes: i32,
}

const SOURCE: Source = Source {
    select: "s.id, s.name, s.description, s.type, s.minute, s.hour, s.day_of_week, s.day_of_month, s.cron_expression, s.timezone,
      s.jitter_minutes, s.enabled, s.overlap_policy, s.catch_up_minutes, s.next_planned_at, s.next_start_at, s.last_run_at, s.created_at,
      s.updated_at, s.version,
      coalesce((select json_agg(json_build_object('id', t.id, 'name', t.name) order by lower(t.name))
        from config.schedule_templates x join config.scan_templates t on t.id = x.template_id
        where x.schedule_id = s.id), '[]') as templates,
      coalesce((select json_agg(json_build_object('id', g.id, 'name', g.name) order by lower(g.name))
        from config.schedule_templates x join config.scan_template_groups g on g.id = x.template_group_id
        where x.schedule_id = s.id), '[]') as template_groups",
    from: "config.schedules s",
    only: "true",
    key: "s.id",
    sort: &[
        ("name", "lower(s.name)"),
        ("description", "lower(s.description)"),
        ("nextRun", "s.next_start_at"),
        ("lastRun", "s.last_run_at"),
        ("status", "not s.enabled"),
        ("created", "s.created_at"),
    ],
    filters: &[("enabled", "s.enabled"), ("type", "s.type"), ("timezone", "s.timezone")],
    search: &["s.name", "s.description"],
};

/// A page of schedules.
pub async fn list(conn: &mut Conn, ask: &Ask) -> Result<Found<Schedule>, StoreError> {
    SOURCE.find(conn, ask).await
}

/// One schedule.
pub async fn get(conn: &mut Conn, id: ScheduleId) -> Result<Option<Schedule>, StoreError> {
    SOURCE.one(conn, id.as_uuid()).await
}

/// The values of a column to filter by.
pub async fn values(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    SOURCE.values(conn, column).await
}

/// What people say of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// When it runs.
    pub timing: Timing,
    /// The templates that it runs,
    pub templates: Vec<Uuid>,
    /// and the groups of templates.
    pub template_groups: Vec<Uuid>,
    /// Whether it runs by itself.
    pub enabled: bool,
    /// `skip`, `queue`, `parallel`.
    pub overlap_policy: String,
    /// Minutes.
    pub catch_up_minutes: i32,
}

/// The next run of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// When the calendar says.
    pub planned_at: DateTime<Utc>,
    /// When it truly starts.
    pub starts_at: DateTime<Utc>,
}

/// Stores a new schedule.
pub async fn insert(conn: &mut Conn, id: ScheduleId, fields: &Fields, next: Option<Next>) -> Result<(), StoreError> {
    let Fields { timing, .. } = fields;
    sqlx::query!(
        "insert into config.schedules (id, name, description, type, minute, hour, day_of_week, day_of_month, cron_expression, timezone,
           jitter_minutes, enabled, overlap_policy, catch_up_minutes, next_planned_at, next_start_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        id.as_uuid(),
        fields.name,
        fields.description,
        timing.kind,
        timing.minute,
        timing.hour,
        timing.day_of_week,
        timing.day_of_month,
        timing.cron_expression,
        timing.timezone,
        timing.jitter_minutes,
        fields.enabled,
        fields.overlap_policy,
        fields.catch_up_minutes,
        next.map(|next| next.planned_at),
        next.map(|next| next.starts_at),
    )
    .execute(&mut *conn)
    .await?;
    set_templates(conn, id, fields).await
}

/// Stores an edit of version `version`; false when somebody else was first.
pub async fn update(
    conn: &mut Conn,
    id: ScheduleId,
    version: i32,
    fields: &Fields,
    next: Option<Next>,
) -> Result<bool, StoreError> {
    let Fields { timing, .. } = fields;
    let done = sqlx::query!(
        "update config.schedules set name = $3, description = $4, type = $5, minute = $6, hour = $7, day_of_week = $8, day_of_month = $9,
           cron_expression = $10, timezone = $11, jitter_minutes = $12, enabled = $13, overlap_policy = $14, catch_up_minutes = $15,
           next_planned_at = $16, next_start_at = $17, version = version + 1, updated_at = now()
         where id = $1 and version = $2",
        id.as_uuid(),
        version,
        fields.name,
        fields.description,
        timing.kind,
        timing.minute,
        timing.hour,
        timing.day_of_week,
        timing.day_of_month,
        timing.cron_expression,
        timing.timezone,
        timing.jitter_minutes,
        fields.enabled,
        fields.overlap_policy,
        fields.catch_up_minutes,
        next.map(|next| next.planned_at),
        next.map(|next| next.starts_at),
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    set_templates(conn, id, fields).await?;
    Ok(true)
}

async fn set_templates(conn: &mut Conn, id: ScheduleId, fields: &Fields) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from config.schedule_templates where schedule_id = $1
           and (template_id is not null and template_id <> all($2) or template_group_id is not null and template_group_id <> all($3))",
        id.as_uuid(),
        &fields.templates,
        &fields.template_groups
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into config.schedule_templates (schedule_id, template_id, template_group_id)
         select $1::uuid, t, null::uuid from unnest($2::uuid[]) t union all select $1, null, g from unnest($3::uuid[]) g
         on conflict on constraint schedule_templates_unique do nothing",
        id.as_uuid(),
        &fields.templates,
        &fields.template_groups
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The ids of `templates` and of those in `groups`, each once.
pub async fn templates_of(conn: &mut Conn, templates: &[Uuid], groups: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select t as "id!" from unnest($1::uuid[]) t
           union select m.template_id from config.scan_template_group_members m where m.group_id = any($2)"#,
        templates,
        groups
    )
    .fetch_all(conn)
    .await?)
}

/// Removes a schedule. Its scans stay.
pub async fn delete(conn: &mut Conn, id: ScheduleId) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from config.schedules where id = $1", id.as_uuid()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Schedules whose next run starts by `now`, at most `limit`, the earliest first. Each is locked until the transaction
/// ends; those that somebody else holds are left out, and those that wait for their last run to end.
pub async fn lock_due(conn: &mut Conn, now: DateTime<Utc>, limit: i64) -> Result<Vec<ScheduleId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select s.id from config.schedules s
         where s.enabled and s.next_start_at <= $1
           and not (s.overlap_policy = 'queue' and exists (select from results.scans x where x.schedule_id = s.id and x.completed_at is null))
         order by s.next_start_at, s.id limit $2 for update of s skip locked",
        now,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ScheduleId::from).collect())
}

/// When the next run of any schedule starts that is later than `now`.
pub async fn next_start(conn: &mut Conn, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar!("select min(next_start_at) from config.schedules where enabled and next_start_at > $1", now)
        .fetch_one(conn)
        .await?)
}

/// Sets the next run, and the time of the last one where one was started. Not an edit: the version stays.
pub async fn move_on(
    conn: &mut Conn,
    id: ScheduleId,
    next: Option<Next>,
    ran_at: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.schedules set next_planned_at = $2, next_start_at = $3, last_run_at = coalesce($4, last_run_at), updated_at = now()
         where id = $1",
        id.as_uuid(),
        next.map(|next| next.planned_at),
        next.map(|next| next.starts_at),
        ran_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps that somebody started a run by hand.
pub async fn ran(conn: &mut Conn, id: ScheduleId, at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("update config.schedules set last_run_at = $2, updated_at = now() where id = $1", id.as_uuid(), at)
        .execute(conn)
        .await?;
    Ok(())
}

/// How the runs before stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// Scans of the schedule that have not ended.
    pub running: i64,
    /// When the last one ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// How the earlier runs of a schedule stand.
pub async fn before(conn: &mut Conn, id: ScheduleId) -> Result<Before, StoreError> {
    let row = sqlx::query!(
        r#"select count(*) filter (where completed_at is null) as "running!", max(completed_at) as ended_at
           from results.scans where schedule_id = $1"#,
        id.as_uuid()
    )
    .fetch_one(conn)
    .await?;
    Ok(Before { running: row.running, ended_at: row.ended_at })
}

/// A template that a schedule runs.
#[derive(Clone, Debug)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// Its name.
    pub name: String,
}

/// The templates of a schedule, directly and by groups, each once.
pub async fn templates(conn: &mut Conn, id: ScheduleId) -> Result<Vec<Template>, StoreError> {
    Ok(sqlx::query_as!(
        Template,
        "select t.id, t.name from config.scan_templates t
           where t.id in (
             select x.template_id from config.schedule_templates x where x.schedule_id = $1
             union
             select m.template_id from config.schedule_templates x join config.scan_template_group_members m on m.group_id = x.template_group_id
             where x.schedule_id = $1)
           order by lower(t.name)",
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?)
}

/// A run of a schedule, as its page lists it.
#[derive(Clone, Debug, FromRow)]
pub struct Run {
    /// The scan.
    pub id: i64,
    /// What it ran.
    pub template_name: String,
    /// Its status.
    pub status: String,
    /// Why it is so, where that needs saying.
    pub status_reason: Option<String>,
    /// The planned time; none when somebody started it by hand.
    pub planned_at: Option<DateTime<Utc>>,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
}

/// The last runs of a schedule, the newest first.
pub async fn runs(conn: &mut Conn, id: ScheduleId, limit: i64) -> Result<Vec<Run>, StoreError> {
    Ok(sqlx::query_as!(
        Run,
        "select id, template_name, status, status_reason, planned_at, requested_at, completed_at
         from results.scans where schedule_id = $1 order by id desc limit $2",
        id.as_uuid(),
        limit
    )
    .fetch_all(conn)
    .await?)
}
