//! `POST /api/config/blackouts/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::blackouts;
use mipo_domain::ids::BlackoutId;

use super::BlackoutAnswer;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Copies a blackout window; the copy holds at the same times.
#[utoipa::path(
    post,
    path = "/api/config/blackouts/{id}/clone",
    tag = "blackouts",
    operation_id = "cloneBlackout",
    extensions(("x-right" = json!("safety:manage"))),
    params(("id" = Uuid, Path, description = "The blackout window that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = BlackoutAnswer),
        (status = 409, description = "`NAME_TAKEN`, `WINDOW_OVER`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<BlackoutId>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<BlackoutAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("blackouts.clone").await?;
    let row = blackouts::duplicate(&mut tx, &ctx, id, &body.name).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(BlackoutAnswer::of(row, ctx.now()))))
}
