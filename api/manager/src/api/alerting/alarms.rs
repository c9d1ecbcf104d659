//! `GET /api/health/alerting/alarms`, `GET /api/health/alerting/alarms/:id`
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::alarms::{self, Alarm};
use mipo_domain::ids::AlarmId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ALARM_COLUMNS, ask};
use crate::http::{Id, Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;

/// An alarm.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Alarm)]
pub struct AlarmAnswer {
    id: Uuid,
    /// The rule that opened it.
    rule: String,
    /// `critical`, `high`, `warning` or `info`.
    severity: String,
    /// `open`, `acknowledged` or `resolved`.
    state: String,
    entity_type: String,
    entity_id: String,
    summary: String,
    /// How often it was triggered.
    count: i32,
    first_seen: DateTime<Utc>,
    last_bump: DateTime<Utc>,
    acknowledged_at: Option<DateTime<Utc>>,
    acknowledged_by: Option<String>,
    resolved_at: Option<DateTime<Utc>>,
    /// `system` when the good event did.
    resolved_by: Option<String>,
    note: String,
    version: i32,
}

impl From<Alarm> for AlarmAnswer {
    fn from(alarm: Alarm) -> Self {
        Self {
            id: alarm.id.as_uuid(),
            rule: alarm.rule,
            severity: alarm.severity,
            state: alarm.state,
            entity_type: alarm.entity_type,
            entity_id: alarm.entity_id,
            summary: alarm.summary,
            count: alarm.count,
            first_seen: alarm.first_seen,
            last_bump: alarm.last_bump,
            acknowledged_at: alarm.acknowledged_at,
            acknowledged_by: alarm.acknowledged_by,
            resolved_at: alarm.resolved_at,
            resolved_by: alarm.resolved_by,
            note: alarm.note,
            version: alarm.version,
        }
    }
}

/// Alarms. Filters: severity, state, rule, entityType.
#[utoipa::path(
    get,
    path = "/api/health/alerting/alarms",
    tag = "alerting",
    operation_id = "listAlarms",
    extensions(("x-right" = json!("alarms:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("severity" = Option<String>, Query, description = "One or more, separated by commas"),
        ("state" = Option<String>, Query, description = "One or more, separated by commas"),
        ("rule" = Option<String>, Query, description = "One or more, separated by commas"),
        ("entityType" = Option<String>, Query, description = "One or more, separated by commas"),
    ),
    responses((status = 200, description = "A page of alarms", body = Listed<AlarmAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<AlarmAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &ALARM_COLUMNS).map_err(AppError::Invalid)?;
    let mut tx = app.db.read("alarms.list").await?;
    let found = alarms::list(&mut tx, &app.ctx(&signed.caller), &ask(&query)).await?;
    Ok(Json(Listed {
        items: found.items.into_iter().map(AlarmAnswer::from).collect(),
        page: query.page,
        page_size: query.page_size,
        total: found.total,
        total_is_estimate: found.total_is_estimate,
    }))
}

/// One alarm.
#[utoipa::path(
    get,
    path = "/api/health/alerting/alarms/{id}",
    tag = "alerting",
    operation_id = "getAlarm",
    extensions(("x-right" = json!("alarms:view"))),
    params(("id" = Uuid, Path, description = "The alarm")),
    responses((status = 200, description = "The alarm", body = AlarmAnswer))
)]
pub async fn get(State(app): State<App>, signed: SignedIn, Id(id): Id<AlarmId>) -> Result<Json<AlarmAnswer>, Problem> {
    let mut tx = app.db.read("alarms.get").await?;
    let alarm = alarms::get(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(alarm.into()))
}
