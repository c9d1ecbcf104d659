//! `DELETE /api/config/exclusions/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::exclusions;
use mipo_domain::ids::ExclusionId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes an exclusion. What was found with it stays.
#[utoipa::path(
    delete,
    path = "/api/config/exclusions/{id}",
    tag = "exclusions",
    operation_id = "deleteExclusion",
    extensions(("x-right" = json!("safety:manage"))),
    params(("id" = Uuid, Path, description = "The exclusion")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, description = "`REAUTH_REQUIRED`, `BUILT_IN`"),
    )
)]
pub async fn delete(State(app): State<App>, signed: SignedIn, Id(id): Id<ExclusionId>) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("exclusions.delete").await?;
    exclusions::delete(&mut tx, &app.ctx(&signed.caller), id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
