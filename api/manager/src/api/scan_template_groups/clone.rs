//! `POST /api/config/scan-template-groups/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::TemplateGroupId;

use super::ScanTemplateGroupAnswer;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Copies a scan template group, built-in ones too; the copy can be changed.
#[utoipa::path(
    post,
    path = "/api/config/scan-template-groups/{id}/clone",
    tag = "scan-template-groups",
    operation_id = "cloneScanTemplateGroup",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The scan template group that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = ScanTemplateGroupAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TemplateGroupId>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<ScanTemplateGroupAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scan_template_groups.clone").await?;
    let row = groups::duplicate(&mut tx, &ctx, GroupKind::Templates, id.as_uuid(), &body.name).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
