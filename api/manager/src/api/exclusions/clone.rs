//! `POST /api/config/exclusions/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::exclusions;
use mipo_domain::ids::ExclusionId;

use super::ExclusionAnswer;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Copies an exclusion, built-in ones too; the copy can be changed.
#[utoipa::path(
    post,
    path = "/api/config/exclusions/{id}/clone",
    tag = "exclusions",
    operation_id = "cloneExclusion",
    extensions(("x-right" = json!("safety:manage"))),
    params(("id" = Uuid, Path, description = "The exclusion that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = ExclusionAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ExclusionId>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<ExclusionAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("exclusions.clone").await?;
    let row = exclusions::duplicate(&mut tx, &ctx, id, &body.name).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(ExclusionAnswer::of(row, ctx.now())?)))
}
