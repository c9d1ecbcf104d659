//! `POST /api/config/blackouts/:id/disable`
use axum::extract::State;
use mipo_app::blackouts;
use mipo_domain::ids::BlackoutId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::BlackoutAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Why a blackout window is switched off.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisableBlackout {
    /// Kept with the blackout window and in the audit log.
    reason: String,
}

/// Switches a blackout window off; the jobs that it holds go on. Needs the password from within the last 5 minutes.
#[utoipa::path(
    post,
    path = "/api/config/blackouts/{id}/disable",
    tag = "blackouts",
    operation_id = "disableBlackout",
    extensions(("x-right" = json!("safety:manage"))),
    params(("id" = Uuid, Path, description = "The blackout window")),
    request_body = DisableBlackout,
    responses(
        (status = 200, description = "The blackout window as it is now", body = BlackoutAnswer),
        (status = 403, description = "`REAUTH_REQUIRED`"),
    )
)]
pub async fn disable(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<BlackoutId>,
    Json(body): Json<DisableBlackout>,
) -> Result<Json<BlackoutAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("blackouts.disable").await?;
    let row = blackouts::set_enabled(&mut tx, &ctx, id, false, &body.reason).await?;
    tx.commit().await?;
    Ok(Json(BlackoutAnswer::of(row, ctx.now())))
}
