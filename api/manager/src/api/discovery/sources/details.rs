//! `GET /api/config/discovery/sources/:id/details`
use axum::extract::State;
use mipo_app::discovery;
use mipo_domain::ids::DiscoverySourceId;
use serde::Serialize;
use utoipa::ToSchema;

use super::DiscoverySourceAnswer;
use crate::api::common::{UsedBy, used_by};
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A discovery source with what refers to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoverySourceDetails {
    #[serde(flatten)]
    object: DiscoverySourceAnswer,
    /// What refers to it; it cannot be deleted while there is something.
    used_by: Vec<UsedBy>,
}

/// A discovery source with what refers to it.
#[utoipa::path(
    get,
    path = "/api/config/discovery/sources/{id}/details",
    tag = "discovery",
    operation_id = "getDiscoverySourceDetails",
    extensions(("x-right" = json!("discovery:view"))),
    params(("id" = Uuid, Path, description = "The discovery source")),
    responses((status = 200, description = "The discovery source", body = DiscoverySourceDetails))
)]
pub async fn details(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<DiscoverySourceId>,
) -> Result<Json<DiscoverySourceDetails>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("discovery_sources.details").await?;
    let row = discovery::get(&mut tx, &ctx, id).await?;
    let used_by = used_by(discovery::users(&mut tx, &ctx, id).await?);
    let object = row.into();
    Ok(Json(DiscoverySourceDetails { object, used_by }))
}
