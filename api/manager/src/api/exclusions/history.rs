//! `GET /api/config/exclusions/:id/history`
use axum::extract::State;
use mipo_app::exclusions;
use mipo_domain::ids::ExclusionId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on an exclusion, newest first.
#[utoipa::path(
    get,
    path = "/api/config/exclusions/{id}/history",
    tag = "exclusions",
    operation_id = "getExclusionHistory",
    extensions(("x-right" = json!("safety:view"))),
    params(("id" = Uuid, Path, description = "The exclusion; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ExclusionId>,
) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("exclusions.history").await?;
    let changes = exclusions::history(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(History::of(changes)))
}
