//! `POST /api/scanners/:id/bind`
use axum::extract::State;
use mipo_app::scanners;
use mipo_domain::ids::ScannerId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ScannerAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Where a scanner may call from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BindScanner {
    /// `ip`, `subnet` or `none`; without it as before.
    mode: Option<String>,
    /// The address; without it that of its last call.
    ip: Option<String>,
}

/// Binds a scanner to an address; without one, to the address of its last call.
#[utoipa::path(
    post,
    path = "/api/scanners/{id}/bind",
    tag = "scanners",
    operation_id = "bindScanner",
    extensions(("x-right" = json!("scanners:manage"))),
    params(("id" = Uuid, Path, description = "The scanner")),
    request_body = BindScanner,
    responses((status = 200, description = "The scanner as it is now", body = ScannerAnswer))
)]
pub async fn bind(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    Json(body): Json<BindScanner>,
) -> Result<Json<ScannerAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scanners.bind").await?;
    let scanner = scanners::bind(&mut tx, &ctx, id, body.mode.as_deref(), body.ip.as_deref()).await?;
    tx.commit().await?;
    Ok(Json(ScannerAnswer::of(scanner, ctx.now())))
}
