//! `GET /api/scanners/:id`
use axum::extract::State;
use mipo_app::scanners;
use mipo_domain::ids::ScannerId;

use super::ScannerAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A scanner. Looking at it is written to the audit log.
#[utoipa::path(
    get,
    path = "/api/scanners/{id}",
    tag = "scanners",
    operation_id = "getScanner",
    extensions(("x-right" = json!("scanners:view"))),
    params(("id" = Uuid, Path, description = "The scanner")),
    responses((status = 200, description = "The scanner", body = ScannerAnswer))
)]
pub async fn detail(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
) -> Result<Json<ScannerAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scanners.view").await?;
    let scanner = scanners::view(&mut tx, &ctx, id).await?;
    tx.commit().await?;
    Ok(Json(ScannerAnswer::of(scanner, ctx.now())))
}
