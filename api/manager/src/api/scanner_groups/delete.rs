//! `DELETE /api/config/scanner-groups/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::ScannerGroupId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes a scanner group. Its members stay.
#[utoipa::path(
    delete,
    path = "/api/config/scanner-groups/{id}",
    tag = "scanner-groups",
    operation_id = "deleteScannerGroup",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The scanner group")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`IN_USE`, with what uses it"),
    )
)]
pub async fn delete(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerGroupId>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("scanner_groups.delete").await?;
    groups::delete(&mut tx, &app.ctx(&signed.caller), GroupKind::Scanners, id.as_uuid()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
