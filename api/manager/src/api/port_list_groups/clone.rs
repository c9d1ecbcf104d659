//! `POST /api/config/port-list-groups/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::PortListGroupId;

use super::PortListGroupAnswer;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Copies a port list group, built-in ones too; the copy can be changed.
#[utoipa::path(
    post,
    path = "/api/config/port-list-groups/{id}/clone",
    tag = "port-list-groups",
    operation_id = "clonePortListGroup",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The port list group that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = PortListGroupAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortListGroupId>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<PortListGroupAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("port_list_groups.clone").await?;
    let row = groups::duplicate(&mut tx, &ctx, GroupKind::PortLists, id.as_uuid(), &body.name).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
