//! `GET /api/config/scan-template-groups/:id/history`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::TemplateGroupId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on a scan template group, newest first.
#[utoipa::path(
    get,
    path = "/api/config/scan-template-groups/{id}/history",
    tag = "scan-template-groups",
    operation_id = "getScanTemplateGroupHistory",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The scan template group; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TemplateGroupId>,
) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("scan_template_groups.history").await?;
    let changes = groups::history(&mut tx, &app.ctx(&signed.caller), GroupKind::Templates, id.as_uuid()).await?;
    Ok(Json(History::of(changes)))
}
