//! `GET /api/config/discovery/lists/:id/history`
use axum::extract::State;
use mipo_app::discovery;
use mipo_domain::ids::DiscoveryListId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on a discovery list, newest first.
#[utoipa::path(
    get,
    path = "/api/config/discovery/lists/{id}/history",
    tag = "discovery",
    operation_id = "getDiscoveryListHistory",
    extensions(("x-right" = json!("discovery:view"))),
    params(("id" = Uuid, Path, description = "The discovery list; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<DiscoveryListId>,
) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("discovery_lists.history").await?;
    let changes = discovery::list_history(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(History::of(changes)))
}
