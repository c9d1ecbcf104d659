//! `GET /api/config/port-list-groups/:id`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::PortListGroupId;

use super::PortListGroupAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A port list group.
#[utoipa::path(
    get,
    path = "/api/config/port-list-groups/{id}",
    tag = "port-list-groups",
    operation_id = "getPortListGroup",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The port list group")),
    responses((status = 200, description = "The port list group", body = PortListGroupAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortListGroupId>,
) -> Result<Json<PortListGroupAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("port_list_groups.get").await?;
    let row = groups::get(&mut tx, &ctx, GroupKind::PortLists, id.as_uuid()).await?;
    Ok(Json(row.into()))
}
