//! `GET /api/config/discovery/lists/:id/details`
use axum::extract::State;
use mipo_app::discovery;
use mipo_domain::ids::DiscoveryListId;
use serde::Serialize;
use utoipa::ToSchema;

use super::DiscoveryListAnswer;
use crate::api::common::{UsedBy, used_by};
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A discovery list with what refers to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveryListDetails {
    #[serde(flatten)]
    object: DiscoveryListAnswer,
    /// What refers to it; it cannot be deleted while there is something.
    used_by: Vec<UsedBy>,
}

/// A discovery list with what refers to it.
#[utoipa::path(
    get,
    path = "/api/config/discovery/lists/{id}/details",
    tag = "discovery",
    operation_id = "getDiscoveryListDetails",
    extensions(("x-right" = json!("discovery:view"))),
    params(("id" = Uuid, Path, description = "The discovery list")),
    responses((status = 200, description = "The discovery list", body = DiscoveryListDetails))
)]
pub async fn details(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<DiscoveryListId>,
) -> Result<Json<DiscoveryListDetails>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("discovery_lists.details").await?;
    let row = discovery::get_list(&mut tx, &ctx, id).await?;
    let used_by = used_by(discovery::list_users(&mut tx, &ctx, id).await?);
    let object = row.into();
    Ok(Json(DiscoveryListDetails { object, used_by }))
}
