//! `POST /api/config/port-list-groups`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::groups::{self, GroupKind};

use super::{NewPortListGroupBody, PortListGroupAnswer};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes a port list group.
#[utoipa::path(
    post,
    path = "/api/config/port-list-groups",
    tag = "port-list-groups",
    operation_id = "createPortListGroup",
    extensions(("x-right" = json!("config:manage"))),
    request_body = NewPortListGroupBody,
    responses(
        (status = 201, description = "The new port list group", body = PortListGroupAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewPortListGroupBody>,
) -> Result<(StatusCode, Json<PortListGroupAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("port_list_groups.create").await?;
    let row = groups::create(&mut tx, &ctx, GroupKind::PortLists, body.into()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
