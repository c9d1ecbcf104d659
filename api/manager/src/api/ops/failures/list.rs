//! `GET /api/ops/failures`
use axum::extract::State;
use chrono::{DateTime, Utc};
use mipo_app::ops::views;
use mipo_app::ops::views::failures::FailureGroup;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::ops::CountAnswer;
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Groups of failures.
#[derive(Serialize, ToSchema)]
pub struct Failures {
    /// The one that was seen last first.
    items: Vec<Failure>,
}

/// Tasks that failed alike.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Kind and shape of the error; `fingerprint:"…"` in the filter of tasks.
    fingerprint: String,
    kind: String,
    queue: String,
    dead: CountAnswer,
    /// Live tasks whose last attempt failed so.
    failing: CountAnswer,
    first_seen: DateTime<Utc>,
    last_seen: DateTime<Utc>,
    /// Deaths by hour, 24 of them, the newest last.
    trend: Vec<i64>,
    versions: Vec<String>,
    /// The newest task of the group.
    sample: Uuid,
    error: String,
    /// Hidden until then.
    snoozed_until: Option<DateTime<Utc>>,
    snooze_reason: Option<String>,
    snoozed_by: Option<String>,
}

impl From<FailureGroup> for Failure {
    fn from(group: FailureGroup) -> Self {
        let (until, reason, by) = match group.snooze {
            Some(snooze) => (Some(snooze.until), Some(snooze.reason), Some(snooze.by)),
            None => (None, None, None),
        };
        Self {
            fingerprint: group.fingerprint,
            kind: group.kind,
            queue: group.queue,
            dead: group.dead.into(),
            failing: group.failing.into(),
            first_seen: group.first_seen,
            last_seen: group.last_seen,
            trend: group.trend.to_vec(),
            versions: group.versions,
            sample: group.sample.into(),
            error: group.error,
            snoozed_until: until,
            snooze_reason: reason,
            snoozed_by: by,
        }
    }
}

/// Failures by their shape, with trend, versions and a sample; those that are snoozed too.
#[utoipa::path(
    get,
    path = "/api/ops/failures",
    tag = "ops",
    operation_id = "listFailures",
    extensions(("x-right" = json!("queues:view"))),
    responses((status = 200, description = "The groups", body = Failures))
)]
pub async fn list(State(app): State<App>, signed: SignedIn) -> Result<Json<Failures>, Problem> {
    let mut tx = app.db.look("ops.failures").await?;
    let groups = views::failures(&mut tx, &app.ctx(&signed.caller)).await?;
    Ok(Json(Failures { items: groups.into_iter().map(Into::into).collect() }))
}
