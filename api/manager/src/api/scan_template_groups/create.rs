//! `POST /api/config/scan-template-groups`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::groups::{self, GroupKind};

use super::{NewScanTemplateGroupBody, ScanTemplateGroupAnswer};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes a scan template group.
#[utoipa::path(
    post,
    path = "/api/config/scan-template-groups",
    tag = "scan-template-groups",
    operation_id = "createScanTemplateGroup",
    extensions(("x-right" = json!("config:manage"))),
    request_body = NewScanTemplateGroupBody,
    responses(
        (status = 201, description = "The new scan template group", body = ScanTemplateGroupAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewScanTemplateGroupBody>,
) -> Result<(StatusCode, Json<ScanTemplateGroupAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scan_template_groups.create").await?;
    let row = groups::create(&mut tx, &ctx, GroupKind::Templates, body.into()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
