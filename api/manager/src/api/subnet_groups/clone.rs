//! `POST /api/config/subnet-groups/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::SubnetGroupId;

use super::SubnetGroupAnswer;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Copies a subnet group, built-in ones too; the copy can be changed.
#[utoipa::path(
    post,
    path = "/api/config/subnet-groups/{id}/clone",
    tag = "subnet-groups",
    operation_id = "cloneSubnetGroup",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The subnet group that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = SubnetGroupAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<SubnetGroupId>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<SubnetGroupAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("subnet_groups.clone").await?;
    let row = groups::duplicate(&mut tx, &ctx, GroupKind::Subnets, id.as_uuid(), &body.name).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
