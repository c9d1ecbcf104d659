//! `POST /api/config/blackouts/:id/enable`
use axum::extract::State;
use mipo_app::blackouts;
use mipo_domain::ids::BlackoutId;

use super::BlackoutAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Switches a blackout window on again.
#[utoipa::path(
    post,
    path = "/api/config/blackouts/{id}/enable",
    tag = "blackouts",
    operation_id = "enableBlackout",
    extensions(("x-right" = json!("safety:manage"))),
    params(("id" = Uuid, Path, description = "The blackout window")),
    responses((status = 200, description = "The blackout window as it is now", body = BlackoutAnswer))
)]
pub async fn enable(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<BlackoutId>,
) -> Result<Json<BlackoutAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("blackouts.enable").await?;
    let row = blackouts::set_enabled(&mut tx, &ctx, id, true, "").await?;
    tx.commit().await?;
    Ok(Json(BlackoutAnswer::of(row, ctx.now())))
}
