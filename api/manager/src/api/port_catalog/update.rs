//! `PUT /api/config/port-catalog/:id`
use axum::extract::State;
use mipo_app::port_catalog;
use mipo_domain::ids::PortCatalogId;

use super::{CatalogAnswer, CatalogPatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes an entry of the port catalog; fields that are left out stay as they are. Running scans keep their scope.
#[utoipa::path(
    put,
    path = "/api/config/port-catalog/{id}",
    tag = "port-catalog",
    operation_id = "updatePortCatalogEntry",
    extensions(("x-right" = json!("config:manage"))),
    params(
        ("id" = Uuid, Path, description = "The entry"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = CatalogPatchBody,
    responses(
        (status = 200, description = "The entry as it is now", body = CatalogAnswer),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortCatalogId>,
    if_match: IfMatch,
    Json(body): Json<CatalogPatchBody>,
) -> Result<Json<CatalogAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("port_catalog.update").await?;
    let row = port_catalog::update(&mut tx, &ctx, id, patch).await?;
    tx.commit().await?;
    Ok(Json(CatalogAnswer::of(row)?))
}
