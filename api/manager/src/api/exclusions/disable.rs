//! `POST /api/config/exclusions/:id/disable`
use axum::extract::State;
use mipo_app::exclusions;
use mipo_domain::ids::ExclusionId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ExclusionAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Why an exclusion is switched off.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisableExclusion {
    /// Kept with the exclusion and in the audit log.
    reason: String,
}

/// Switches an exclusion off, built-in ones too. Needs the password from within the last 5 minutes.
#[utoipa::path(
    post,
    path = "/api/config/exclusions/{id}/disable",
    tag = "exclusions",
    operation_id = "disableExclusion",
    extensions(("x-right" = json!("safety:manage"))),
    params(("id" = Uuid, Path, description = "The exclusion")),
    request_body = DisableExclusion,
    responses(
        (status = 200, description = "The exclusion as it is now", body = ExclusionAnswer),
        (status = 403, description = "`REAUTH_REQUIRED`"),
    )
)]
pub async fn disable(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ExclusionId>,
    Json(body): Json<DisableExclusion>,
) -> Result<Json<ExclusionAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("exclusions.disable").await?;
    let row = exclusions::set_enabled(&mut tx, &ctx, id, false, &body.reason).await?;
    tx.commit().await?;
    Ok(Json(ExclusionAnswer::of(row, ctx.now())?))
}
