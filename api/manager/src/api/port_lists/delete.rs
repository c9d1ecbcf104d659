//! `DELETE /api/config/port-lists/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::port_lists;
use mipo_domain::ids::PortListId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes a port list. What was found with it stays.
#[utoipa::path(
    delete,
    path = "/api/config/port-lists/{id}",
    tag = "port-lists",
    operation_id = "deletePortList",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The port list")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`IN_USE`, with what uses it"),
    )
)]
pub async fn delete(State(app): State<App>, signed: SignedIn, Id(id): Id<PortListId>) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("port_lists.delete").await?;
    port_lists::delete(&mut tx, &app.ctx(&signed.caller), id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
