//! `POST /api/config/subnets/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::subnets;
use mipo_domain::ids::SubnetId;

use super::SubnetAnswer;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Copies a subnet, built-in ones too; the copy can be changed.
#[utoipa::path(
    post,
    path = "/api/config/subnets/{id}/clone",
    tag = "subnets",
    operation_id = "cloneSubnet",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The subnet that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = SubnetAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<SubnetId>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<SubnetAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("subnets.clone").await?;
    let row = subnets::duplicate(&mut tx, &ctx, id, &body.name).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
