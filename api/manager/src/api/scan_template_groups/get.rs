//! `GET /api/config/scan-template-groups/:id`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::TemplateGroupId;

use super::ScanTemplateGroupAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A scan template group.
#[utoipa::path(
    get,
    path = "/api/config/scan-template-groups/{id}",
    tag = "scan-template-groups",
    operation_id = "getScanTemplateGroup",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The scan template group")),
    responses((status = 200, description = "The scan template group", body = ScanTemplateGroupAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TemplateGroupId>,
) -> Result<Json<ScanTemplateGroupAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scan_template_groups.get").await?;
    let row = groups::get(&mut tx, &ctx, GroupKind::Templates, id.as_uuid()).await?;
    Ok(Json(row.into()))
}
