//! `POST /api/scanners/:id/release-binding`
use axum::extract::State;
use mipo_app::scanners;
use mipo_domain::ids::ScannerId;

use super::ScannerAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Releases a scanner from its address; its next good heartbeat binds it anew.
#[utoipa::path(
    post,
    path = "/api/scanners/{id}/release-binding",
    tag = "scanners",
    operation_id = "releaseScannerBinding",
    extensions(("x-right" = json!("scanners:manage"))),
    params(("id" = Uuid, Path, description = "The scanner")),
    responses((status = 200, description = "The scanner as it is now", body = ScannerAnswer))
)]
pub async fn release_binding(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
) -> Result<Json<ScannerAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scanners.release_binding").await?;
    let scanner = scanners::release_binding(&mut tx, &ctx, id).await?;
    tx.commit().await?;
    Ok(Json(ScannerAnswer::of(scanner, ctx.now())))
}
