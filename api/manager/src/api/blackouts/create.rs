//! `POST /api/config/blackouts`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::blackouts;

use super::{BlackoutAnswer, NewBlackoutBody};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes a blackout window.
#[utoipa::path(
    post,
    path = "/api/config/blackouts",
    tag = "blackouts",
    operation_id = "createBlackout",
    extensions(("x-right" = json!("safety:manage"))),
    request_body = NewBlackoutBody,
    responses(
        (status = 201, description = "The new blackout window", body = BlackoutAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewBlackoutBody>,
) -> Result<(StatusCode, Json<BlackoutAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("blackouts.create").await?;
    let row = blackouts::create(&mut tx, &ctx, body.into()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(BlackoutAnswer::of(row, ctx.now()))))
}
