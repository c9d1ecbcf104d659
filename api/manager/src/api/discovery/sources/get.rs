//! `GET /api/config/discovery/sources/:id`
use axum::extract::State;
use mipo_app::discovery;
use mipo_domain::ids::DiscoverySourceId;

use super::DiscoverySourceAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A discovery source.
#[utoipa::path(
    get,
    path = "/api/config/discovery/sources/{id}",
    tag = "discovery",
    operation_id = "getDiscoverySource",
    extensions(("x-right" = json!("discovery:view"))),
    params(("id" = Uuid, Path, description = "The discovery source")),
    responses((status = 200, description = "The discovery source", body = DiscoverySourceAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<DiscoverySourceId>,
) -> Result<Json<DiscoverySourceAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("discovery_sources.get").await?;
    let row = discovery::get(&mut tx, &ctx, id).await?;
    Ok(Json(row.into()))
}
