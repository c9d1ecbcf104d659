//! `DELETE /api/config/port-list-groups/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::PortListGroupId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes a port list group. Its members stay.
#[utoipa::path(
    delete,
    path = "/api/config/port-list-groups/{id}",
    tag = "port-list-groups",
    operation_id = "deletePortListGroup",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The port list group")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`IN_USE`, with what uses it"),
    )
)]
pub async fn delete(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortListGroupId>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("port_list_groups.delete").await?;
    groups::delete(&mut tx, &app.ctx(&signed.caller), GroupKind::PortLists, id.as_uuid()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
