//! `GET /api/config/port-list-groups/:id/history`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::PortListGroupId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on a port list group, newest first.
#[utoipa::path(
    get,
    path = "/api/config/port-list-groups/{id}/history",
    tag = "port-list-groups",
    operation_id = "getPortListGroupHistory",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The port list group; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortListGroupId>,
) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("port_list_groups.history").await?;
    let changes = groups::history(&mut tx, &app.ctx(&signed.caller), GroupKind::PortLists, id.as_uuid()).await?;
    Ok(Json(History::of(changes)))
}
