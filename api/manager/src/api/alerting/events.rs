//! `GET /api/health/alerting/events`
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::alarms::{self, Event};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{EVENT_COLUMNS, ask};
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;

/// A transition that was written down.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemEvent {
    id: Uuid,
    at: DateTime<Utc>,
    /// `ingest`, `dispatcher`, `manager` or `backup`.
    source: String,
    /// Such as `scanner_down`.
    #[serde(rename = "type")]
    kind: String,
    /// `critical`, `high`, `warning` or `info`.
    severity: String,
    entity_type: String,
    entity_id: String,
    summary: String,
    detail: serde_json::Value,
}

impl From<Event> for SystemEvent {
    fn from(event: Event) -> Self {
        Self {
            id: event.id.as_uuid(),
            at: event.at,
            source: event.source,
            kind: event.kind,
            severity: event.severity,
            entity_type: event.entity_type,
            entity_id: event.entity_id,
            summary: event.summary,
            detail: event.detail,
        }
    }
}

/// System events, the newest first. Filters: source, type, severity, entityType, entityId.
#[utoipa::path(
    get,
    path = "/api/health/alerting/events",
    tag = "alerting",
    operation_id = "listEvents",
    extensions(("x-right" = json!("health:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("source" = Option<String>, Query, description = "One or more, separated by commas"),
        ("type" = Option<String>, Query, description = "One or more, separated by commas"),
        ("severity" = Option<String>, Query, description = "One or more, separated by commas"),
        ("entityType" = Option<String>, Query, description = "One or more, separated by commas"),
        ("entityId" = Option<String>, Query, description = "One or more, separated by commas"),
    ),
    responses((status = 200, description = "A page of events", body = Listed<SystemEvent>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<SystemEvent>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &EVENT_COLUMNS).map_err(AppError::Invalid)?;
    let mut tx = app.db.read("events.list").await?;
    let found = alarms::list_events(&mut tx, &app.ctx(&signed.caller), &ask(&query)).await?;
    Ok(Json(Listed {
        items: found.items.into_iter().map(SystemEvent::from).collect(),
        page: query.page,
        page_size: query.page_size,
        total: found.total,
        total_is_estimate: found.total_is_estimate,
    }))
}
