//! `PUT /api/config/blackouts/:id`
use axum::extract::State;
use mipo_app::blackouts;
use mipo_domain::ids::BlackoutId;

use super::{BlackoutAnswer, BlackoutPatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes a blackout window; fields that are left out stay as they are. It acts at once, on scans that run too.
#[utoipa::path(
    put,
    path = "/api/config/blackouts/{id}",
    tag = "blackouts",
    operation_id = "updateBlackout",
    extensions(("x-right" = json!("safety:manage"))),
    params(
        ("id" = Uuid, Path, description = "The blackout window"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = BlackoutPatchBody,
    responses(
        (status = 200, description = "The blackout window as it is now", body = BlackoutAnswer),
        (status = 403, description = "`REAUTH_REQUIRED`: less may be held afterwards"),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<BlackoutId>,
    if_match: IfMatch,
    Json(body): Json<BlackoutPatchBody>,
) -> Result<Json<BlackoutAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("blackouts.update").await?;
    let row = blackouts::update(&mut tx, &ctx, id, patch).await?;
    tx.commit().await?;
    Ok(Json(BlackoutAnswer::of(row, ctx.now())))
}
