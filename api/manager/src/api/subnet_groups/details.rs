//! `GET /api/config/subnet-groups/:id/details`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::SubnetGroupId;
use serde::Serialize;
use utoipa::ToSchema;

use super::SubnetGroupAnswer;
use crate::api::common::{UsedBy, used_by};
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A subnet group with what refers to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubnetGroupDetails {
    #[serde(flatten)]
    object: SubnetGroupAnswer,
    /// What refers to it; it cannot be deleted while there is something.
    used_by: Vec<UsedBy>,
}

/// A subnet group with what refers to it.
#[utoipa::path(
    get,
    path = "/api/config/subnet-groups/{id}/details",
    tag = "subnet-groups",
    operation_id = "getSubnetGroupDetails",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The subnet group")),
    responses((status = 200, description = "The subnet group", body = SubnetGroupDetails))
)]
pub async fn details(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<SubnetGroupId>,
) -> Result<Json<SubnetGroupDetails>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("subnet_groups.details").await?;
    let row = groups::get(&mut tx, &ctx, GroupKind::Subnets, id.as_uuid()).await?;
    let used_by = used_by(groups::users(&mut tx, &ctx, GroupKind::Subnets, id.as_uuid()).await?);
    let object = row.into();
    Ok(Json(SubnetGroupDetails { object, used_by }))
}
