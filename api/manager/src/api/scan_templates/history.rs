//! `GET /api/config/scan-templates/:id/history`
use axum::extract::State;
use mipo_app::templates;
use mipo_domain::ids::TemplateId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on a scan template, newest first.
#[utoipa::path(
    get,
    path = "/api/config/scan-templates/{id}/history",
    tag = "scan-templates",
    operation_id = "getScanTemplateHistory",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The scan template; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TemplateId>,
) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("scan_templates.history").await?;
    let changes = templates::history(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(History::of(changes)))
}
