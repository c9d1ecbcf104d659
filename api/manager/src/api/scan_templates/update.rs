//! `PUT /api/config/scan-templates/:id`
use axum::extract::State;
use mipo_app::templates::{self, Sources};
use mipo_domain::ids::TemplateId;

use super::{ScanTemplateAnswer, ScanTemplatePatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes a scan template; fields that are left out stay as they are. Running scans keep their scope.
#[utoipa::path(
    put,
    path = "/api/config/scan-templates/{id}",
    tag = "scan-templates",
    operation_id = "updateScanTemplate",
    extensions(("x-right" = json!("config:manage"))),
    params(
        ("id" = Uuid, Path, description = "The scan template"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = ScanTemplatePatchBody,
    responses(
        (status = 200, description = "The scan template as it is now", body = ScanTemplateAnswer),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TemplateId>,
    if_match: IfMatch,
    Json(body): Json<ScanTemplatePatchBody>,
) -> Result<Json<ScanTemplateAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("scan_templates.update").await?;
    let row = templates::update(&mut tx, &ctx, id, patch).await?;
    tx.commit().await?;
    let mut tx = app.db.read("scan_templates.get").await?;
    let summary = templates::summary(&mut tx, &ctx, &Sources::of(&row), app.scan_limits).await?;
    Ok(Json(ScanTemplateAnswer::of(row, &summary)))
}
