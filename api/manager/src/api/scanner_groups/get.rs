//! `GET /api/config/scanner-groups/:id`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::ScannerGroupId;

use super::ScannerGroupAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A scanner group.
#[utoipa::path(
    get,
    path = "/api/config/scanner-groups/{id}",
    tag = "scanner-groups",
    operation_id = "getScannerGroup",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The scanner group")),
    responses((status = 200, description = "The scanner group", body = ScannerGroupAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerGroupId>,
) -> Result<Json<ScannerGroupAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scanner_groups.get").await?;
    let row = groups::get(&mut tx, &ctx, GroupKind::Scanners, id.as_uuid()).await?;
    Ok(Json(row.into()))
}
