//! `GET /api/config/discovery/sources/:id/history`
use axum::extract::State;
use mipo_app::discovery;
use mipo_domain::ids::DiscoverySourceId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on a discovery source, newest first.
#[utoipa::path(
    get,
    path = "/api/config/discovery/sources/{id}/history",
    tag = "discovery",
    operation_id = "getDiscoverySourceHistory",
    extensions(("x-right" = json!("discovery:view"))),
    params(("id" = Uuid, Path, description = "The discovery source; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<DiscoverySourceId>,
) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("discovery_sources.history").await?;
    let changes = discovery::history(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(History::of(changes)))
}
