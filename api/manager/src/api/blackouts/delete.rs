//! `DELETE /api/config/blackouts/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::blackouts;
use mipo_domain::ids::BlackoutId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes a blackout window; the jobs that it holds go on. Needs the password from within the last 5 minutes.
#[utoipa::path(
    delete,
    path = "/api/config/blackouts/{id}",
    tag = "blackouts",
    operation_id = "deleteBlackout",
    extensions(("x-right" = json!("safety:manage"))),
    params(("id" = Uuid, Path, description = "The blackout window")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, description = "`REAUTH_REQUIRED`"),
    )
)]
pub async fn delete(State(app): State<App>, signed: SignedIn, Id(id): Id<BlackoutId>) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("blackouts.delete").await?;
    blackouts::delete(&mut tx, &app.ctx(&signed.caller), id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
