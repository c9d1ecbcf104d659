//! `DELETE /api/scanners/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::scanners;
use mipo_domain::ids::ScannerId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes a scanner; its key stops to work at once. What it found stays.
#[utoipa::path(
    delete,
    path = "/api/scanners/{id}",
    tag = "scanners",
    operation_id = "deleteScanner",
    extensions(("x-right" = json!("scanners:manage"))),
    params(("id" = Uuid, Path, description = "The scanner")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`IN_USE`: assigned somewhere, or with jobs that have not ended"),
    )
)]
pub async fn delete(State(app): State<App>, signed: SignedIn, Id(id): Id<ScannerId>) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("scanners.delete").await?;
    scanners::delete(&mut tx, &app.ctx(&signed.caller), id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
