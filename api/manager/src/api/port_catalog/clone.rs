//! `POST /api/config/port-catalog/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::port_catalog;
use mipo_domain::ids::PortCatalogId;

use super::CatalogAnswer;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Copies an entry of the port catalog, built-in ones too; the copy can be changed.
#[utoipa::path(
    post,
    path = "/api/config/port-catalog/{id}/clone",
    tag = "port-catalog",
    operation_id = "clonePortCatalogEntry",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The entry that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = CatalogAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortCatalogId>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<CatalogAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("port_catalog.clone").await?;
    let row = port_catalog::duplicate(&mut tx, &ctx, id, &body.name).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(CatalogAnswer::of(row)?)))
}
