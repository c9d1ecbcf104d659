//! Blackout windows: times in which targets are not probed.
use chrono::{DateTime, NaiveTime, Utc};
use ipnet::IpNet;
use mipo_domain::ids::{BlackoutId, ScannerId, SubnetGroupId, SubnetId};
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use crate::jobs::blackout_holds::Scope;
use crate::lists::{Ask, Found, Named, Source};
use crate::{Conn, StoreError};

/// A blackout window.
#[derive(Clone, Debug, FromRow)]
pub struct Blackout {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: BlackoutId,
    /// Its name.
    pub name: String,
    /// True: it holds every job.
    pub scope_all: bool,
    /// Otherwise jobs that meet one of these subnets,
    pub subnets: Json<Vec<Named>>,
    /// or a subnet of one of these groups,
    pub subnet_groups: Json<Vec<Named>>,
    /// or that belong to one of these scanners.
    pub scanners: Json<Vec<Named>>,
    /// When it holds.
    #[sqlx(flatten)]
    pub timing: Timing,
    /// Why.
    pub reason: String,
    /// Holds at its times.
    pub enabled: bool,
    /// Why it was switched off.
    pub disabled_reason: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
    /// Counts edits.
    pub version: i32,
}

/// When a blackout window holds: once, or on days of every week.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Timing {
    /// Its begin, if once.
    pub once_from: Option<DateTime<Utc>>,
    /// Its end, if once.
    pub once_to: Option<DateTime<Utc>>,
    /// 0–6, 0 = Sunday, if weekly.
    pub weekly_days: Option<Vec<i32>>,
    /// The time of day, if weekly.
    pub weekly_start: Option<NaiveTime>,
    /// How long, 1–1440, if weekly.
    pub weekly_minutes: Option<i32>,
    /// An IANA name.
    pub timezone: String,
}

const SOURCE: Source = Source {
    select: "b.id, b.name, b.scope_all, b.once_from, b.once_to, b.weekly_days, b.weekly_start, b.weekly_minutes, b.timezone, b.reason,
      b.enabled, b.disabled_reason, b.created_at, b.updated_at, b.version,
      coalesce((select json_agg(json_build_object('id', n.id, 'name', n.name) order by lower(n.name))
        from config.blackout_members m join config.subnets n on n.id = m.subnet_id where m.blackout_id = b.id), '[]') as subnets,
      coalesce((select json_agg(json_build_object('id', g.id, 'name', g.name) order by lower(g.name))
        from config.blackout_members m join config.subnet_groups g on g.id = m.subnet_group_id where m.blackout_id = b.id), '[]') as subnet_groups,
      coalesce((select json_agg(json_build_object('id', s.id, 'name', s.name) order by lower(s.name))
        from config.blackout_members m join config.scanners s on s.id = m.scanner_id where m.blackout_id = b.id), '[]') as scanners",
    from: "config.blackout_windows b",
    only: "true",
    key: "b.id",
    sort: &[
        ("name", "lower(b.name)"),
        ("type", "b.once_from is null"),
        ("reason", "lower(b.reason)"),
        ("enabled", "b.enabled"),
        ("created", "b.created_at"),
    ],
    filters: &[
        ("enabled", "b.enabled"),
        ("type", "case when b.once_from is null then 'weekly' else 'once' end"),
        ("timezone", "b.timezone"),
    ],
    search: &["b.name", "b.reason"],
};

/// A page of blackout windows.
pub async fn list(conn: &mut Conn, ask: &Ask) -> Result<Found<Blackout>, StoreError> {
    SOURCE.find(conn, ask).await
}

/// One blackout window.
pub async fn get(conn: &mut Conn, id: BlackoutId) -> Result<Option<Blackout>, StoreError> {
    SOURCE.one(conn, id.as_uuid()).await
}

/// The values of a column to filter by.
pub async fn values(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    SOURCE.values(conn, column).await
}

/// Whom a blackout window holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Every job; then the rest is empty.
    pub all: bool,
    /// Jobs that meet one of these,
    pub subnets: Vec<SubnetId>,
    /// or a subnet of one of these,
    pub subnet_groups: Vec<SubnetGroupId>,
    /// or that belong to one of these.
    pub scanners: Vec<ScannerId>,
}

/// What is stored of a blackout window.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Its name.
    pub name: String,
    /// Whom it holds.
    pub members: Members,
    /// When.
    pub timing: Timing,
    /// Why.
    pub reason: String,
}

/// Stores a new blackout window.
pub async fn insert(conn: &mut Conn, id: BlackoutId, fields: &Fields) -> Result<(), StoreError> {
    let timing = &fields.timing;
    sqlx::query!(
        "insert into config.blackout_windows
           (id, name, scope_all, once_from, once_to, weekly_days, weekly_start, weekly_minutes, timezone, reason)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        id.as_uuid(),
        fields.name,
        fields.members.all,
        timing.once_from,
        timing.once_to,
        timing.weekly_days.as_deref(),
        timing.weekly_start,
        timing.weekly_minutes,
        timing.timezone,
        fields.reason
    )
    .execute(&mut *conn)
    .await?;
    set_members(conn, id, &fields.members).await
}

/// Stores an edit of version `version`; false when somebody else was first.
pub async fn update(conn: &mut Conn, id: BlackoutId, version: i32, fields: &Fields) -> Result<bool, StoreError> {
    let timing = &fields.timing;
    let done = sqlx::query!(
        "update config.blackout_windows
         set name = $3, scope_all = $4, once_from = $5, once_to = $6, weekly_days = $7, weekly_start = $8, weekly_minutes = $9,
             timezone = $10, reason = $11, version = version + 1, updated_at = now()
         where id = $1 and version = $2",
        id.as_uuid(),
        version,
        fields.name,
        fields.members.all,
        timing.once_from,
        timing.once_to,
        timing.weekly_days.as_deref(),
        timing.weekly_start,
        timing.weekly_minutes,
        timing.timezone,
        fields.reason
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    set_members(conn, id, &fields.members).await?;
    Ok(true)
}

async fn set_members(conn: &mut Conn, id: BlackoutId, members: &Members) -> Result<(), StoreError> {
    sqlx::query!("delete from config.blackout_members where blackout_id = $1", id.as_uuid())
        .execute(&mut *conn)
        .await?;
    let subnets: Vec<Uuid> = members.subnets.iter().map(|id| id.as_uuid()).collect();
    let groups: Vec<Uuid> = members.subnet_groups.iter().map(|id| id.as_uuid()).collect();
    let scanners: Vec<Uuid> = members.scanners.iter().map(|id| id.as_uuid()).collect();
    sqlx::query!(
        "insert into config.blackout_members (blackout_id, subnet_id, subnet_group_id, scanner_id)
         select $1::uuid, s, null::uuid, null::uuid from unnest($2::uuid[]) s
         union all select $1, null, g, null from unnest($3::uuid[]) g
         union all select $1, null, null, c from unnest($4::uuid[]) c
         on conflict on constraint blackout_members_unique do nothing",
        id.as_uuid(),
        &subnets,
        &groups,
        &scanners
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Switches a blackout window off (with the reason) or on again; false when somebody else was first.
pub async fn set_enabled(
    conn: &mut Conn,
    id: BlackoutId,
    version: i32,
    disabled_reason: Option<&str>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.blackout_windows
         set enabled = ($3::text is null), disabled_reason = $3, version = version + 1, updated_at = now()
         where id = $1 and version = $2",
        id.as_uuid(),
        version,
        disabled_reason
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a blackout window.
pub async fn delete(conn: &mut Conn, id: BlackoutId) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from config.blackout_windows where id = $1", id.as_uuid()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Those of the ids that are subnets, subnet groups and scanners.
pub async fn known(conn: &mut Conn, members: &Members) -> Result<Vec<Uuid>, StoreError> {
    let subnets: Vec<Uuid> = members.subnets.iter().map(|id| id.as_uuid()).collect();
    let groups: Vec<Uuid> = members.subnet_groups.iter().map(|id| id.as_uuid()).collect();
    let scanners: Vec<Uuid> = members.scanners.iter().map(|id| id.as_uuid()).collect();
    Ok(sqlx::query_scalar!(
        r#"select id as "id!" from config.subnets where id = any($1)
           union all select id from config.subnet_groups where id = any($2)
           union all select id from config.scanners where id = any($3)"#,
        &subnets,
        &groups,
        &scanners
    )
    .fetch_all(conn)
    .await?)
}

/// An enabled blackout window, as planning and the reconciler need it: its groups are resolved.
#[derive(Clone, Debug)]
pub struct Enabled {
    /// Its id.
    pub id: BlackoutId,
    /// Its name.
    pub name: String,
    /// When it holds.
    pub timing: Timing,
    /// Whom it holds.
    pub scope: Scope,
}

/// Every enabled blackout window that is not over for good at `now`.
pub async fn enabled(conn: &mut Conn, now: DateTime<Utc>) -> Result<Vec<Enabled>, StoreError> {
    let rows = sqlx::query!(
        r#"select b.id, b.name, b.scope_all, b.once_from, b.once_to, b.weekly_days, b.weekly_start, b.weekly_minutes, b.timezone,
             array(select n.cidr from config.subnets n
                   where n.id in (select m.subnet_id from config.blackout_members m where m.blackout_id = b.id
                                  union select gm.subnet_id from config.blackout_members m
                                  join config.subnet_group_members gm on gm.group_id = m.subnet_group_id where m.blackout_id = b.id)
                   order by n.cidr) as "networks!: Vec<IpNet>",
             array(select m.scanner_id from config.blackout_members m
                   where m.blackout_id = b.id and m.scanner_id is not null) as "scanners!"
           from config.blackout_windows b
           where b.enabled and (b.once_to is null or b.once_to > $1) order by lower(b.name)"#,
        now
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Enabled {
            id: row.id.into(),
            name: row.name,
            timing: Timing {
                once_from: row.once_from,
                once_to: row.once_to,
                weekly_days: row.weekly_days,
                weekly_start: row.weekly_start,
                weekly_minutes: row.weekly_minutes,
                timezone: row.timezone,
            },
            scope: Scope {
                all: row.scope_all,
                networks: row.networks,
                scanners: row.scanners.into_iter().map(ScannerId::from).collect(),
            },
        })
        .collect())
}
