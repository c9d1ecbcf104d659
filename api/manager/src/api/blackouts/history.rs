//! `GET /api/config/blackouts/:id/history`
use axum::extract::State;
use mipo_app::blackouts;
use mipo_domain::ids::BlackoutId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on a blackout window, newest first.
#[utoipa::path(
    get,
    path = "/api/config/blackouts/{id}/history",
    tag = "blackouts",
    operation_id = "getBlackoutHistory",
    extensions(("x-right" = json!("safety:view"))),
    params(("id" = Uuid, Path, description = "The blackout window; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<BlackoutId>,
) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("blackouts.history").await?;
    let changes = blackouts::history(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(History::of(changes)))
}
