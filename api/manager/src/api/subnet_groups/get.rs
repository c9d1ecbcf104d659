//! `GET /api/config/subnet-groups/:id`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::SubnetGroupId;

use super::SubnetGroupAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A subnet group.
#[utoipa::path(
    get,
    path = "/api/config/subnet-groups/{id}",
    tag = "subnet-groups",
    operation_id = "getSubnetGroup",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The subnet group")),
    responses((status = 200, description = "The subnet group", body = SubnetGroupAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<SubnetGroupId>,
) -> Result<Json<SubnetGroupAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("subnet_groups.get").await?;
    let row = groups::get(&mut tx, &ctx, GroupKind::Subnets, id.as_uuid()).await?;
    Ok(Json(row.into()))
}
