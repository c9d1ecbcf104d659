//! `GET /api/config/subnets/:id/details`
use axum::extract::State;
use mipo_app::subnets;
use mipo_domain::ids::SubnetId;
use serde::Serialize;
use utoipa::ToSchema;

use super::SubnetAnswer;
use crate::api::common::{UsedBy, used_by};
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A subnet with what refers to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubnetDetails {
    #[serde(flatten)]
    object: SubnetAnswer,
    /// What refers to it; it cannot be deleted while there is something.
    used_by: Vec<UsedBy>,
}

/// A subnet with what refers to it.
#[utoipa::path(
    get,
    path = "/api/config/subnets/{id}/details",
    tag = "subnets",
    operation_id = "getSubnetDetails",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The subnet")),
    responses((status = 200, description = "The subnet", body = SubnetDetails))
)]
pub async fn details(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<SubnetId>,
) -> Result<Json<SubnetDetails>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("subnets.details").await?;
    let row = subnets::get(&mut tx, &ctx, id).await?;
    let used_by = used_by(subnets::users(&mut tx, &ctx, id).await?);
    let object = row.into();
    Ok(Json(SubnetDetails { object, used_by }))
}
