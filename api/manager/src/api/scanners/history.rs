//! `GET /api/scanners/:id/history`
use axum::extract::State;
use mipo_app::scanners;
use mipo_domain::ids::ScannerId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on a scanner, newest first.
#[utoipa::path(
    get,
    path = "/api/scanners/{id}/history",
    tag = "scanners",
    operation_id = "getScannerHistory",
    extensions(("x-right" = json!("scanners:view"))),
    params(("id" = Uuid, Path, description = "The scanner; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("scanners.history").await?;
    let changes = scanners::history(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(History::of(changes)))
}
