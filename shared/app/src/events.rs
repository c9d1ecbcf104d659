//! System events and alarms: written on transitions only, by whoever sees the transition.
use mipo_domain::ids::{AlarmId, EventId};
use mipo_store::Conn;
use mipo_store::config::events::{self, NewEvent};
use serde_json::Value;

use crate::{AppError, Ctx};

/// A transition that somebody should know of.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// `ingest`, `dispatcher`, `manager` or `backup`.
    pub source: &'a str,
    /// Its type in the past tense, such as `scanner_down` (product 11.2).
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
    pub detail: Value,
}

/// Writes the event and opens, bumps or resolves the alarm tied to its type, in the open transaction.
pub async fn raise(conn: &mut Conn, ctx: &Ctx<'_>, event: Event<'_>) -> Result<Option<AlarmId>, AppError> {
    let alarm = events::raise(
        conn,
        &NewEvent {
            id: EventId::mint(ctx.clock, ctx.entropy),
            alarm_id: AlarmId::mint(ctx.clock, ctx.entropy),
            at: ctx.now(),
            source: event.source,
            kind: event.kind,
            severity: event.severity,
            entity_type: event.entity_type,
            entity_id: event.entity_id,
            summary: event.summary,
            detail: &event.detail,
        },
    )
    .await?;
    Ok(alarm)
}
