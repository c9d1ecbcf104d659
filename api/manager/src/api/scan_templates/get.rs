//! `GET /api/config/scan-templates/:id`
use axum::extract::State;
use mipo_app::templates::{self, Sources};
use mipo_domain::ids::TemplateId;

use super::ScanTemplateAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A scan template.
#[utoipa::path(
    get,
    path = "/api/config/scan-templates/{id}",
    tag = "scan-templates",
    operation_id = "getScanTemplate",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The scan template")),
    responses((status = 200, description = "The scan template", body = ScanTemplateAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TemplateId>,
) -> Result<Json<ScanTemplateAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scan_templates.get").await?;
    let row = templates::get(&mut tx, &ctx, id).await?;
    let summary = templates::summary(&mut tx, &ctx, &Sources::of(&row), app.scan_limits).await?;
    Ok(Json(ScanTemplateAnswer::of(row, &summary)))
}
