//! `PUT /api/me/password`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::me::{self, NewPassword};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{Client, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// The password now and the one to come. It has no Debug output.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordChange {
    /// The password now.
    current_password: String,
    /// The password to come.
    new_password: String,
}

/// Changes the caller's password. All their other sessions end.
#[utoipa::path(
    put,
    path = "/api/me/password",
    tag = "me",
    operation_id = "putMyPassword",
    request_body = PasswordChange,
    responses((status = 204, description = "Changed"))
)]
pub async fn put(
    State(app): State<App>,
    client: Client,
    signed: SignedIn,
    Json(body): Json<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let Some(session) = signed.session else { return Err(Problem::not_signed_in()) };
    let input = NewPassword { current: &body.current_password, new: &body.new_password };
    let ctx = app.ctx(&signed.caller);
    me::change_password(&app.db, &ctx, &app.passwords, app.password_min_length, session, client.ip, &input).await?;
    Ok(StatusCode::NO_CONTENT)
}
