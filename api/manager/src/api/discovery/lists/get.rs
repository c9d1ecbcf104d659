//! `GET /api/config/discovery/lists/:id`
use axum::extract::State;
use mipo_app::discovery;
use mipo_domain::ids::DiscoveryListId;

use super::DiscoveryListAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A discovery list.
#[utoipa::path(
    get,
    path = "/api/config/discovery/lists/{id}",
    tag = "discovery",
    operation_id = "getDiscoveryList",
    extensions(("x-right" = json!("discovery:view"))),
    params(("id" = Uuid, Path, description = "The discovery list")),
    responses((status = 200, description = "The discovery list", body = DiscoveryListAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<DiscoveryListId>,
) -> Result<Json<DiscoveryListAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("discovery_lists.get").await?;
    let row = discovery::get_list(&mut tx, &ctx, id).await?;
    Ok(Json(row.into()))
}
