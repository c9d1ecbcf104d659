//! `GET /api/config/port-lists/:id`
use axum::extract::State;
use mipo_app::port_lists;
use mipo_domain::ids::PortListId;

use super::PortListAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A port list.
#[utoipa::path(
    get,
    path = "/api/config/port-lists/{id}",
    tag = "port-lists",
    operation_id = "getPortList",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The port list")),
    responses((status = 200, description = "The port list", body = PortListAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortListId>,
) -> Result<Json<PortListAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("port_lists.get").await?;
    let row = port_lists::get(&mut tx, &ctx, id).await?;
    Ok(Json(PortListAnswer::of(row)?))
}
