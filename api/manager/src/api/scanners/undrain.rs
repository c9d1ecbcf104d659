//! `POST /api/scanners/:id/undrain`
use axum::extract::State;
use mipo_app::scanners;
use mipo_domain::ids::ScannerId;

use super::ScannerAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Ends a drain.
#[utoipa::path(
    post,
    path = "/api/scanners/{id}/undrain",
    tag = "scanners",
    operation_id = "undrainScanner",
    extensions(("x-right" = json!("scanners:manage"))),
    params(("id" = Uuid, Path, description = "The scanner")),
    responses((status = 200, description = "The scanner as it is now", body = ScannerAnswer))
)]
pub async fn undrain(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
) -> Result<Json<ScannerAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scanners.undrain").await?;
    let scanner = scanners::undrain(&mut tx, &ctx, id).await?;
    tx.commit().await?;
    Ok(Json(ScannerAnswer::of(scanner, ctx.now())))
}
