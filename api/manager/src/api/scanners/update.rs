//! `PATCH /api/scanners/:id`
use axum::extract::State;
use mipo_app::scanners;
use mipo_domain::ids::ScannerId;

use super::{ScannerAnswer, ScannerPatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes a scanner; fields that are left out stay as they are. A lower rate reaches running jobs with their next call.
#[utoipa::path(
    patch,
    path = "/api/scanners/{id}",
    tag = "scanners",
    operation_id = "updateScanner",
    extensions(("x-right" = json!("scanners:manage"))),
    params(
        ("id" = Uuid, Path, description = "The scanner"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = ScannerPatchBody,
    responses(
        (status = 200, description = "The scanner as it is now", body = ScannerAnswer),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    if_match: IfMatch,
    Json(body): Json<ScannerPatchBody>,
) -> Result<Json<ScannerAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("scanners.update").await?;
    let scanner = scanners::update(&mut tx, &ctx, id, patch).await?;
    tx.commit().await?;
    Ok(Json(ScannerAnswer::of(scanner, ctx.now())))
}
