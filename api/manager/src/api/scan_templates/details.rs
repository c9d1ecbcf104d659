//! `GET /api/config/scan-templates/:id/details`
use axum::extract::State;
use mipo_app::templates::{self, Sources};
use mipo_domain::ids::TemplateId;
use serde::Serialize;
use utoipa::ToSchema;

use super::ScanTemplateAnswer;
use crate::api::common::{UsedBy, used_by};
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A scan template with what refers to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanTemplateDetails {
    #[serde(flatten)]
    object: ScanTemplateAnswer,
    /// What refers to it; it cannot be deleted while there is something.
    used_by: Vec<UsedBy>,
}

/// A scan template with what refers to it.
#[utoipa::path(
    get,
    path = "/api/config/scan-templates/{id}/details",
    tag = "scan-templates",
    operation_id = "getScanTemplateDetails",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The scan template")),
    responses((status = 200, description = "The scan template", body = ScanTemplateDetails))
)]
pub async fn details(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TemplateId>,
) -> Result<Json<ScanTemplateDetails>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scan_templates.details").await?;
    let row = templates::get(&mut tx, &ctx, id).await?;
    let used_by = used_by(templates::users(&mut tx, &ctx, id).await?);
    let summary = templates::summary(&mut tx, &ctx, &Sources::of(&row), app.scan_limits).await?;
    let object = ScanTemplateAnswer::of(row, &summary);
    Ok(Json(ScanTemplateDetails { object, used_by }))
}
