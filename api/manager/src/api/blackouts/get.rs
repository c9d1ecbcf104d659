//! `GET /api/config/blackouts/:id`
use axum::extract::State;
use mipo_app::blackouts;
use mipo_domain::ids::BlackoutId;

use super::BlackoutAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A blackout window.
#[utoipa::path(
    get,
    path = "/api/config/blackouts/{id}",
    tag = "blackouts",
    operation_id = "getBlackout",
    extensions(("x-right" = json!("safety:view"))),
    params(("id" = Uuid, Path, description = "The blackout window")),
    responses((status = 200, description = "The blackout window", body = BlackoutAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<BlackoutId>,
) -> Result<Json<BlackoutAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("blackouts.get").await?;
    let row = blackouts::get(&mut tx, &ctx, id).await?;
    Ok(Json(BlackoutAnswer::of(row, ctx.now())))
}
