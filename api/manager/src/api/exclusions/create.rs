//! `POST /api/config/exclusions`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::exclusions;

use super::{ExclusionAnswer, NewExclusionBody};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes an exclusion.
#[utoipa::path(
    post,
    path = "/api/config/exclusions",
    tag = "exclusions",
    operation_id = "createExclusion",
    extensions(("x-right" = json!("safety:manage"))),
    request_body = NewExclusionBody,
    responses(
        (status = 201, description = "The new exclusion", body = ExclusionAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewExclusionBody>,
) -> Result<(StatusCode, Json<ExclusionAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("exclusions.create").await?;
    let row = exclusions::create(&mut tx, &ctx, body.into()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(ExclusionAnswer::of(row, ctx.now())?)))
}
