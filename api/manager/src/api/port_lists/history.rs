//! `GET /api/config/port-lists/:id/history`
use axum::extract::State;
use mipo_app::port_lists;
use mipo_domain::ids::PortListId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on a port list, newest first.
#[utoipa::path(
    get,
    path = "/api/config/port-lists/{id}/history",
    tag = "port-lists",
    operation_id = "getPortListHistory",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The port list; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortListId>,
) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("port_lists.history").await?;
    let changes = port_lists::history(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(History::of(changes)))
}
