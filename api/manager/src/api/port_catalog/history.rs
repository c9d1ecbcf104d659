//! `GET /api/config/port-catalog/:id/history`
use axum::extract::State;
use mipo_app::port_catalog;
use mipo_domain::ids::PortCatalogId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on an entry of the port catalog, newest first.
#[utoipa::path(
    get,
    path = "/api/config/port-catalog/{id}/history",
    tag = "port-catalog",
    operation_id = "getPortCatalogEntryHistory",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The entry; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortCatalogId>,
) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("port_catalog.history").await?;
    let changes = port_catalog::history(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(History::of(changes)))
}
