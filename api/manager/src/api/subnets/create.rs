//! `POST /api/config/subnets`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::subnets;

use super::{NewSubnetBody, SubnetAnswer};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes a subnet.
#[utoipa::path(
    post,
    path = "/api/config/subnets",
    tag = "subnets",
    operation_id = "createSubnet",
    extensions(("x-right" = json!("config:manage"))),
    request_body = NewSubnetBody,
    responses(
        (status = 201, description = "The new subnet", body = SubnetAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewSubnetBody>,
) -> Result<(StatusCode, Json<SubnetAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("subnets.create").await?;
    let row = subnets::create(&mut tx, &ctx, body.into()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
