//! `POST /api/config/port-lists`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::port_lists;

use super::{NewPortListBody, PortListAnswer};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes a port list.
#[utoipa::path(
    post,
    path = "/api/config/port-lists",
    tag = "port-lists",
    operation_id = "createPortList",
    extensions(("x-right" = json!("config:manage"))),
    request_body = NewPortListBody,
    responses(
        (status = 201, description = "The new port list", body = PortListAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewPortListBody>,
) -> Result<(StatusCode, Json<PortListAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("port_lists.create").await?;
    let row = port_lists::create(&mut tx, &ctx, body.into()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(PortListAnswer::of(row)?)))
}
