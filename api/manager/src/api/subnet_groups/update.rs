//! `PUT /api/config/subnet-groups/:id`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::SubnetGroupId;

use super::{SubnetGroupAnswer, SubnetGroupPatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes a subnet group; fields that are left out stay as they are. Running scans keep their scope.
#[utoipa::path(
    put,
    path = "/api/config/subnet-groups/{id}",
    tag = "subnet-groups",
    operation_id = "updateSubnetGroup",
    extensions(("x-right" = json!("config:manage"))),
    params(
        ("id" = Uuid, Path, description = "The subnet group"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = SubnetGroupPatchBody,
    responses(
        (status = 200, description = "The subnet group as it is now", body = SubnetGroupAnswer),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<SubnetGroupId>,
    if_match: IfMatch,
    Json(body): Json<SubnetGroupPatchBody>,
) -> Result<Json<SubnetGroupAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("subnet_groups.update").await?;
    let row = groups::update(&mut tx, &ctx, GroupKind::Subnets, id.as_uuid(), patch).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}
