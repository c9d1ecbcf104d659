//! `POST /api/scanners/:id/enable`
use axum::extract::State;
use mipo_app::scanners;
use mipo_domain::ids::ScannerId;

use super::ScannerAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Lets a disabled scanner in again; its next good heartbeat makes it active.
#[utoipa::path(
    post,
    path = "/api/scanners/{id}/enable",
    tag = "scanners",
    operation_id = "enableScanner",
    extensions(("x-right" = json!("scanners:manage"))),
    params(("id" = Uuid, Path, description = "The scanner")),
    responses((status = 200, description = "The scanner as it is now", body = ScannerAnswer))
)]
pub async fn enable(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
) -> Result<Json<ScannerAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scanners.enable").await?;
    let scanner = scanners::enable(&mut tx, &ctx, id).await?;
    tx.commit().await?;
    Ok(Json(ScannerAnswer::of(scanner, ctx.now())))
}
