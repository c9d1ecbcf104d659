//! `DELETE /api/config/scan-templates/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::templates;
use mipo_domain::ids::TemplateId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes a scan template. What was found with it stays.
#[utoipa::path(
    delete,
    path = "/api/config/scan-templates/{id}",
    tag = "scan-templates",
    operation_id = "deleteScanTemplate",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The scan template")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`IN_USE`, with what uses it"),
    )
)]
pub async fn delete(State(app): State<App>, signed: SignedIn, Id(id): Id<TemplateId>) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("scan_templates.delete").await?;
    templates::delete(&mut tx, &app.ctx(&signed.caller), id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
