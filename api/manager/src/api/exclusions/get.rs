//! `GET /api/config/exclusions/:id`
use axum::extract::State;
use mipo_app::exclusions;
use mipo_domain::ids::ExclusionId;

use super::ExclusionAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// An exclusion.
#[utoipa::path(
    get,
    path = "/api/config/exclusions/{id}",
    tag = "exclusions",
    operation_id = "getExclusion",
    extensions(("x-right" = json!("safety:view"))),
    params(("id" = Uuid, Path, description = "The exclusion")),
    responses((status = 200, description = "The exclusion", body = ExclusionAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ExclusionId>,
) -> Result<Json<ExclusionAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("exclusions.get").await?;
    let row = exclusions::get(&mut tx, &ctx, id).await?;
    Ok(Json(ExclusionAnswer::of(row, ctx.now())?))
}
