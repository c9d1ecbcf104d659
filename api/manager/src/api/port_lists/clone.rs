//! `POST /api/config/port-lists/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::port_lists;
use mipo_domain::ids::PortListId;

use super::PortListAnswer;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Copies a port list, built-in ones too; the copy can be changed.
#[utoipa::path(
    post,
    path = "/api/config/port-lists/{id}/clone",
    tag = "port-lists",
    operation_id = "clonePortList",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The port list that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = PortListAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortListId>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<PortListAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("port_lists.clone").await?;
    let row = port_lists::duplicate(&mut tx, &ctx, id, &body.name).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(PortListAnswer::of(row)?)))
}
