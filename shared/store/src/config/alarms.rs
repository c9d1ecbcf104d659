//! Alarms and the rules that open them.
use chrono::{DateTime, Utc};
use mipo_domain::ids::AlarmId;
use sqlx::FromRow;
use uuid::Uuid;

use crate::lists::{Ask, Found, Source};
use crate::{Conn, StoreError};

/// A rule as the code defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// When it opens an alarm, in words.
    pub description: &'static str,
    /// `critical`, `high`, `warning` or `info`.
    pub severity: &'static str,
    /// The event that opens or bumps.
    pub trigger: &'static str,
    /// The event that resolves; absent where only a person can.
    pub resolve: Option<&'static str>,
}

/// An alarm.
#[derive(Clone, Debug, FromRow)]
pub struct Alarm {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: AlarmId,
    /// The rule that opened it.
    pub rule: String,
    /// `critical`, `high`, `warning` or `info`.
    pub severity: String,
    /// `open`, `acknowledged` or `resolved`.
    pub state: String,
    /// What kind of thing it is about.
    pub entity_type: String,
    /// Which one.
    pub entity_id: String,
    /// One sentence.
    pub summary: String,
    /// How often it was triggered.
    pub count: i32,
    /// When it was first triggered.
    pub first_seen: DateTime<Utc>,
    /// When it was last triggered.
    pub last_bump: DateTime<Utc>,
    /// When somebody took it on.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Who did.
    pub acknowledged_by: Option<String>,
    /// When it ended.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Who ended it; `system` for the good event.
    pub resolved_by: Option<String>,
    /// What they wrote.
    pub note: String,
    /// Counts edits.
    pub version: i32,
}

const SOURCE: Source = Source {
    select:
        "a.id, a.rule, a.severity, a.state, a.entity_type, a.entity_id, a.summary, a.count, a.first_seen, a.last_bump,
      a.acknowledged_at, a.acknowledged_by, a.resolved_at, a.resolved_by, a.note, a.version",
    from: "config.alarms a",
    only: "true",
    key: "a.id",
    sort: &[
        ("severity", "array_position(array['critical', 'high', 'warning', 'info'], a.severity)"),
        ("state", "array_position(array['open', 'acknowledged', 'resolved'], a.state)"),
        ("entity", "a.entity_type || ':' || a.entity_id"),
        ("summary", "lower(a.summary)"),
        ("count", "a.count"),
        ("age", "a.first_seen"),
        ("firstSeen", "a.first_seen"),
        ("lastBump", "a.last_bump"),
        ("rule", "a.rule"),
    ],
    filters: &[("severity", "a.severity"), ("state", "a.state"), ("rule", "a.rule"), ("entityType", "a.entity_type")],
    search: &["a.summary", "a.rule", "a.entity_type", "a.entity_id", "a.note"],
};

/// Makes the rules what the code says; what people may edit stays.
pub async fn put_rule(conn: &mut Conn, rule: &Rule) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.alarm_rules as r (name, description, severity, trigger_event, resolve_event) values ($1, $2, $3, $4, $5)
         on conflict (name) do update
           set description = excluded.description, severity = excluded.severity, trigger_event = excluded.trigger_event,
             resolve_event = excluded.resolve_event, updated_at = now()
           where (r.description, r.severity, r.trigger_event, r.resolve_event)
             is distinct from (excluded.description, excluded.severity, excluded.trigger_event, excluded.resolve_event)",
        rule.name,
        rule.description,
        rule.severity,
        rule.trigger,
        rule.resolve
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A page of alarms.
pub async fn list(conn: &mut Conn, ask: &Ask) -> Result<Found<Alarm>, StoreError> {
    SOURCE.find(conn, ask).await
}

/// One alarm.
pub async fn get(conn: &mut Conn, id: AlarmId) -> Result<Option<Alarm>, StoreError> {
    SOURCE.one(conn, id.as_uuid()).await
}

/// The values of a column to filter by.
pub async fn values(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    SOURCE.values(conn, column).await
}

/// How many alarms are in each live state, with the worst severity among the open ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Nobody has taken them on.
    pub open: i64,
    /// Somebody has.
    pub acknowledged: i64,
    /// Open ones of severity `critical`.
    pub critical: i64,
    /// Open ones of severity `high`.
    pub high: i64,
}

/// Counts the live alarms.
pub async fn counts(conn: &mut Conn) -> Result<Counts, StoreError> {
    let counts = sqlx::query_as!(
        Counts,
        r#"select count(*) filter (where state = 'open') as "open!",
             count(*) filter (where state = 'acknowledged') as "acknowledged!",
             count(*) filter (where state = 'open' and severity = 'critical') as "critical!",
             count(*) filter (where state = 'open' and severity = 'high') as "high!"
           from config.alarms where state <> 'resolved'"#
    )
    .fetch_one(conn)
    .await?;
    Ok(counts)
}

/// The entities for which a live alarm of `rule` stands.
pub async fn live_entities(conn: &mut Conn, rule: &str) -> Result<Vec<String>, StoreError> {
    let ids = sqlx::query_scalar!("select entity_id from config.alarms where rule = $1 and state <> 'resolved'", rule)
        .fetch_all(conn)
        .await?;
    Ok(ids)
}

/// Moves an open alarm to `acknowledged`. False when it is in another state.
pub async fn acknowledge(
    conn: &mut Conn,
    id: AlarmId,
    by: &str,
    note: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.alarms set state = 'acknowledged', acknowledged_at = $4, acknowledged_by = $2, note = $3,
           updated_at = now(), version = version + 1
         where id = $1 and state = 'open'",
        id.as_uuid(),
        by,
        note,
        at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Moves a live alarm to `resolved`; an empty note keeps the one that is there. False when it is resolved already.
pub async fn resolve(
    conn: &mut Conn,
    id: AlarmId,
    by: &str,
    note: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.alarms set state = 'resolved', resolved_at = $4, resolved_by = $2,
           note = case when $3 = '' then note else $3 end, updated_at = now(), version = version + 1
         where id = $1 and state <> 'resolved'",
        id.as_uuid(),
        by,
        note,
        at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
