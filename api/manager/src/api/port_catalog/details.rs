//! `GET /api/config/port-catalog/:id/details`
use axum::extract::State;
use mipo_app::port_catalog;
use mipo_domain::ids::PortCatalogId;
use serde::Serialize;
use utoipa::ToSchema;

use super::CatalogAnswer;
use crate::api::common::{UsedBy, used_by};
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// An entry of the port catalog with what refers to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortCatalogEntryDetails {
    #[serde(flatten)]
    object: CatalogAnswer,
    /// What refers to it; it cannot be deleted while there is something.
    used_by: Vec<UsedBy>,
}

/// An entry of the port catalog with what refers to it.
#[utoipa::path(
    get,
    path = "/api/config/port-catalog/{id}/details",
    tag = "port-catalog",
    operation_id = "getPortCatalogEntryDetails",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The entry")),
    responses((status = 200, description = "The entry", body = PortCatalogEntryDetails))
)]
pub async fn details(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortCatalogId>,
) -> Result<Json<PortCatalogEntryDetails>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("port_catalog.details").await?;
    let row = port_catalog::get(&mut tx, &ctx, id).await?;
    let used_by = used_by(port_catalog::users(&mut tx, &ctx, id).await?);
    let object = CatalogAnswer::of(row)?;
    Ok(Json(PortCatalogEntryDetails { object, used_by }))
}
