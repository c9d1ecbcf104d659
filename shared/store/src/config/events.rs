//! System events, and through them alarms, by `config.raise_event`.
use chrono::{DateTime, Utc};
use mipo_domain::ids::{AlarmId, EventId};
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use crate::lists::{Ask, Found, Source};
use crate::{Conn, StoreError};

/// A system event that is about to be written.
#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
    /// Its id.
    pub id: EventId,
    /// The id of the alarm, should it open one.
    pub alarm_id: AlarmId,
    /// When.
    pub at: DateTime<Utc>,
    /// `ingest`, `dispatcher`, `manager` or `backup`.
    pub source: &'a str,
    /// Its type in the past tense, such as `scanner_down`.
    pub kind: &'a str,
    /// `critical`, `high`, `warning` or `info`.
    pub severity: &'a str,
    /// What kind of thing it is about.
    pub entity_type: &'a str,
    /// Which one.
    pub entity_id: &'a str,
    /// One sentence for people.
    pub summary: &'a str,
    /// More, for those who look.
    pub detail: &'a Value,
}

/// Writes the event; opens, bumps or resolves the alarm that is tied to its type. Returns the alarm touched.
pub async fn raise(conn: &mut Conn, event: &NewEvent<'_>) -> Result<Option<AlarmId>, StoreError> {
    let alarm = sqlx::query_scalar!(
        "select config.raise_event($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        event.id.as_uuid(),
        event.alarm_id.as_uuid(),
        event.at,
        event.source,
        event.kind,
        event.severity,
        event.entity_type,
        event.entity_id,
        event.summary,
        event.detail,
    )
    .fetch_one(conn)
    .await?;
    Ok(alarm.map(AlarmId::from))
}

/// An event that was written.
#[derive(Clone, Debug, FromRow)]
pub struct Event {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: EventId,
    /// When.
    pub at: DateTime<Utc>,
    /// `ingest`, `dispatcher`, `manager` or `backup`.
    pub source: String,
    /// Its type.
    #[sqlx(rename = "type")]
    pub kind: String,
    /// `critical`, `high`, `warning` or `info`.
    pub severity: String,
    /// What kind of thing it is about.
    pub entity_type: String,
    /// Which one.
    pub entity_id: String,
    /// One sentence.
    pub summary: String,
    /// More.
    pub detail: Value,
}

const SOURCE: Source = Source {
    select: "e.id, e.at, e.source, e.type, e.severity, e.entity_type, e.entity_id, e.summary, e.detail",
    from: "config.system_events e",
    only: "true",
    key: "e.id",
    sort: &[
        ("time", "e.at"),
        ("source", "e.source"),
        ("type", "e.type"),
        ("severity", "array_position(array['critical', 'high', 'warning', 'info'], e.severity)"),
        ("entity", "e.entity_type || ':' || e.entity_id"),
        ("summary", "lower(e.summary)"),
    ],
    filters: &[
        ("source", "e.source"),
        ("type", "e.type"),
        ("severity", "e.severity"),
        ("entityType", "e.entity_type"),
        ("entityId", "e.entity_id"),
    ],
    search: &["e.summary", "e.type", "e.entity_type", "e.entity_id"],
};

/// A page of events.
pub async fn list(conn: &mut Conn, ask: &Ask) -> Result<Found<Event>, StoreError> {
    SOURCE.find(conn, ask).await
}

/// The values of a column to filter by.
pub async fn values(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    SOURCE.values(conn, column).await
}

/// Deletes a batch of events older than `days`. Answers how many went.
pub async fn prune(conn: &mut Conn, days: i32) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "delete from config.system_events where id in (
           select id from config.system_events where at < now() - make_interval(days => $1) order by at limit 5000)",
        days
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
