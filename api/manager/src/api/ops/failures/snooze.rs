//! `POST /api/ops/failures/:fingerprint/snooze`
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use mipo_app::ops::failures;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Until when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SnoozeFailure {
    /// At most 90 days ahead; `null` shows the group again.
    until: Option<DateTime<Utc>>,
    /// Goes to the audit log; required with `until`.
    #[serde(default)]
    reason: String,
}

/// Hides a failure group until later, or until a new version fails alike.
#[utoipa::path(
    post,
    path = "/api/ops/failures/{fingerprint}/snooze",
    tag = "ops",
    operation_id = "snoozeFailure",
    extensions(("x-right" = json!("queues:execute"))),
    params(("fingerprint" = String, Path, description = "The group, percent-encoded")),
    request_body = SnoozeFailure,
    responses((status = 204, description = "Done"))
)]
pub async fn snooze(
    State(app): State<App>,
    signed: SignedIn,
    Id(fingerprint): Id<String>,
    Json(body): Json<SnoozeFailure>,
) -> Result<StatusCode, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.snooze_failure").await?;
    failures::snooze(&mut tx, &ctx, &fingerprint, body.until, &body.reason).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
