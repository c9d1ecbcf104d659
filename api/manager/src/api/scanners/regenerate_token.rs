//! `POST /api/scanners/:id/regenerate-token`
use axum::extract::State;
use mipo_app::scanners;
use mipo_domain::ids::ScannerId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{EnrolmentAnswer, one_hour};
use crate::enrolment::Commands;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// The life of a new token.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegenerateToken {
    /// How long it works, 5 to 1,440 minutes.
    #[serde(default = "one_hour")]
    ttl_minutes: i64,
}

/// Makes a new one-time token. The token before it and the key in use stop to work at once. Needs the password from
/// within the last 5 minutes.
#[utoipa::path(
    post,
    path = "/api/scanners/{id}/regenerate-token",
    tag = "scanners",
    operation_id = "regenerateScannerToken",
    extensions(("x-right" = json!("scanners:manage"))),
    params(("id" = Uuid, Path, description = "The scanner")),
    request_body = RegenerateToken,
    responses(
        (status = 200, description = "The scanner and its token", body = EnrolmentAnswer),
        (status = 403, description = "`REAUTH_REQUIRED`"),
    )
)]
pub async fn regenerate_token(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    Json(body): Json<RegenerateToken>,
) -> Result<Json<EnrolmentAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scanners.regenerate_token").await?;
    let enrolment = scanners::regenerate_token(&mut tx, &ctx, id, body.ttl_minutes).await?;
    let commands = Commands::of(&mut tx, &app, &enrolment).await?;
    tx.commit().await?;
    Ok(Json(EnrolmentAnswer::of(enrolment, commands, ctx.now())))
}
