//! `GET /api/config/scanner-groups/:id/history`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::ScannerGroupId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on a scanner group, newest first.
#[utoipa::path(
    get,
    path = "/api/config/scanner-groups/{id}/history",
    tag = "scanner-groups",
    operation_id = "getScannerGroupHistory",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The scanner group; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerGroupId>,
) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("scanner_groups.history").await?;
    let changes = groups::history(&mut tx, &app.ctx(&signed.caller), GroupKind::Scanners, id.as_uuid()).await?;
    Ok(Json(History::of(changes)))
}
