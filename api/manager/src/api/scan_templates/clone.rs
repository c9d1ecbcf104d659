//! `POST /api/config/scan-templates/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::templates::{self, Sources};
use mipo_domain::ids::TemplateId;

use super::ScanTemplateAnswer;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Copies a scan template, built-in ones too; the copy can be changed.
#[utoipa::path(
    post,
    path = "/api/config/scan-templates/{id}/clone",
    tag = "scan-templates",
    operation_id = "cloneScanTemplate",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The scan template that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = ScanTemplateAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TemplateId>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<ScanTemplateAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scan_templates.clone").await?;
    let row = templates::duplicate(&mut tx, &ctx, id, &body.name).await?;
    tx.commit().await?;
    let mut tx = app.db.read("scan_templates.get").await?;
    let summary = templates::summary(&mut tx, &ctx, &Sources::of(&row), app.scan_limits).await?;
    Ok((StatusCode::CREATED, Json(ScanTemplateAnswer::of(row, &summary))))
}
