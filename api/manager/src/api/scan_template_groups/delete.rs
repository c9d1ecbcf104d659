//! `DELETE /api/config/scan-template-groups/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::TemplateGroupId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes a scan template group. Its members stay.
#[utoipa::path(
    delete,
    path = "/api/config/scan-template-groups/{id}",
    tag = "scan-template-groups",
    operation_id = "deleteScanTemplateGroup",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The scan template group")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`IN_USE`, with what uses it"),
    )
)]
pub async fn delete(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TemplateGroupId>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("scan_template_groups.delete").await?;
    groups::delete(&mut tx, &app.ctx(&signed.caller), GroupKind::Templates, id.as_uuid()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
