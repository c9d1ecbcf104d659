//! `POST /api/config/port-catalog`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::port_catalog;

use super::{CatalogAnswer, NewCatalogBody};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes an entry of the port catalog.
#[utoipa::path(
    post,
    path = "/api/config/port-catalog",
    tag = "port-catalog",
    operation_id = "createPortCatalogEntry",
    extensions(("x-right" = json!("config:manage"))),
    request_body = NewCatalogBody,
    responses(
        (status = 201, description = "The new entry", body = CatalogAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewCatalogBody>,
) -> Result<(StatusCode, Json<CatalogAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("port_catalog.create").await?;
    let row = port_catalog::create(&mut tx, &ctx, body.into()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(CatalogAnswer::of(row)?)))
}
