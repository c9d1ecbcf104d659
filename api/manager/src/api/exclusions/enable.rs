//! `POST /api/config/exclusions/:id/enable`
use axum::extract::State;
use mipo_app::exclusions;
use mipo_domain::ids::ExclusionId;

use super::ExclusionAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Switches an exclusion on again.
#[utoipa::path(
    post,
    path = "/api/config/exclusions/{id}/enable",
    tag = "exclusions",
    operation_id = "enableExclusion",
    extensions(("x-right" = json!("safety:manage"))),
    params(("id" = Uuid, Path, description = "The exclusion")),
    responses((status = 200, description = "The exclusion as it is now", body = ExclusionAnswer))
)]
pub async fn enable(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ExclusionId>,
) -> Result<Json<ExclusionAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("exclusions.enable").await?;
    let row = exclusions::set_enabled(&mut tx, &ctx, id, true, "").await?;
    tx.commit().await?;
    Ok(Json(ExclusionAnswer::of(row, ctx.now())?))
}
