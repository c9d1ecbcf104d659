//! `GET /api/config/port-catalog/:id`
use axum::extract::State;
use mipo_app::port_catalog;
use mipo_domain::ids::PortCatalogId;

use super::CatalogAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// An entry of the port catalog.
#[utoipa::path(
    get,
    path = "/api/config/port-catalog/{id}",
    tag = "port-catalog",
    operation_id = "getPortCatalogEntry",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The entry")),
    responses((status = 200, description = "The entry", body = CatalogAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortCatalogId>,
) -> Result<Json<CatalogAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("port_catalog.get").await?;
    let row = port_catalog::get(&mut tx, &ctx, id).await?;
    Ok(Json(CatalogAnswer::of(row)?))
}
