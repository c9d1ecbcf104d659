//! `PUT /api/config/exclusions/:id`
use axum::extract::State;
use mipo_app::exclusions;
use mipo_domain::ids::ExclusionId;

use super::{ExclusionAnswer, ExclusionPatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes an exclusion; fields that are left out stay as they are. Running scans keep their scope.
#[utoipa::path(
    put,
    path = "/api/config/exclusions/{id}",
    tag = "exclusions",
    operation_id = "updateExclusion",
    extensions(("x-right" = json!("safety:manage"))),
    params(
        ("id" = Uuid, Path, description = "The exclusion"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = ExclusionPatchBody,
    responses(
        (status = 200, description = "The exclusion as it is now", body = ExclusionAnswer),
        (status = 403, description = "`REAUTH_REQUIRED`: less may be excluded afterwards; `BUILT_IN`"),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ExclusionId>,
    if_match: IfMatch,
    Json(body): Json<ExclusionPatchBody>,
) -> Result<Json<ExclusionAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("exclusions.update").await?;
    let row = exclusions::update(&mut tx, &ctx, id, patch).await?;
    tx.commit().await?;
    Ok(Json(ExclusionAnswer::of(row, ctx.now())?))
}
