//! `DELETE /api/config/port-catalog/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::port_catalog;
use mipo_domain::ids::PortCatalogId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes an entry of the port catalog. What was found with it stays.
#[utoipa::path(
    delete,
    path = "/api/config/port-catalog/{id}",
    tag = "port-catalog",
    operation_id = "deletePortCatalogEntry",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The entry")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`IN_USE`, with what uses it"),
    )
)]
pub async fn delete(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortCatalogId>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("port_catalog.delete").await?;
    port_catalog::delete(&mut tx, &app.ctx(&signed.caller), id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
