//! `POST /api/scanners/:id/rotate-key`
use axum::extract::State;
use mipo_app::scanners;
use mipo_domain::ids::ScannerId;

use super::ScannerAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Asks a scanner to take a new key at its next heartbeat. Needs the password from within the last 5 minutes.
#[utoipa::path(
    post,
    path = "/api/scanners/{id}/rotate-key",
    tag = "scanners",
    operation_id = "rotateScannerKey",
    extensions(("x-right" = json!("scanners:manage"))),
    params(("id" = Uuid, Path, description = "The scanner")),
    responses(
        (status = 200, description = "The scanner as it is now", body = ScannerAnswer),
        (status = 403, description = "`REAUTH_REQUIRED`"),
        (status = 409, description = "`NO_KEY`"),
    )
)]
pub async fn rotate_key(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
) -> Result<Json<ScannerAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scanners.rotate_key").await?;
    let scanner = scanners::rotate_key(&mut tx, &ctx, id).await?;
    tx.commit().await?;
    Ok(Json(ScannerAnswer::of(scanner, ctx.now())))
}
