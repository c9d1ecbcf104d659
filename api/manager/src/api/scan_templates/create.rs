//! `POST /api/config/scan-templates`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::templates::{self, Sources};

use super::{NewScanTemplateBody, ScanTemplateAnswer};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes a scan template.
#[utoipa::path(
    post,
    path = "/api/config/scan-templates",
    tag = "scan-templates",
    operation_id = "createScanTemplate",
    extensions(("x-right" = json!("config:manage"))),
    request_body = NewScanTemplateBody,
    responses(
        (status = 201, description = "The new scan template", body = ScanTemplateAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewScanTemplateBody>,
) -> Result<(StatusCode, Json<ScanTemplateAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scan_templates.create").await?;
    let row = templates::create(&mut tx, &ctx, body.into()).await?;
    tx.commit().await?;
    let mut tx = app.db.read("scan_templates.get").await?;
    let summary = templates::summary(&mut tx, &ctx, &Sources::of(&row), app.scan_limits).await?;
    Ok((StatusCode::CREATED, Json(ScanTemplateAnswer::of(row, &summary))))
}
