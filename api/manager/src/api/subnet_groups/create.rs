//! `POST /api/config/subnet-groups`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::groups::{self, GroupKind};

use super::{NewSubnetGroupBody, SubnetGroupAnswer};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes a subnet group.
#[utoipa::path(
    post,
    path = "/api/config/subnet-groups",
    tag = "subnet-groups",
    operation_id = "createSubnetGroup",
    extensions(("x-right" = json!("config:manage"))),
    request_body = NewSubnetGroupBody,
    responses(
        (status = 201, description = "The new subnet group", body = SubnetGroupAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewSubnetGroupBody>,
) -> Result<(StatusCode, Json<SubnetGroupAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("subnet_groups.create").await?;
    let row = groups::create(&mut tx, &ctx, GroupKind::Subnets, body.into()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
