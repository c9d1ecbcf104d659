//! `POST /api/auth/reauth`
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Client, Json, Problem, session};
use crate::signed::SignedIn;
use crate::state::App;

/// The password, again. It has no Debug output.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reauth {
    /// Password.
    password: String,
}

/// The session goes on under another token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReauthAnswer {
    /// To be sent with every write from now on.
    csrf_token: String,
}

/// Gives the password again, for what needs it within 5 minutes. The answer sets a new cookie; the old one is dead.
#[utoipa::path(
    post,
    path = "/api/auth/reauth",
    tag = "auth",
    request_body = Reauth,
    responses(
        (status = 200, description = "Good for 5 minutes", body = ReauthAnswer),
        (status = 422, description = "Not the password"),
        (status = 429, description = "Too many failures; wait `Retry-After` seconds"),
    )
)]
pub async fn reauth(
    State(app): State<App>,
    client: Client,
    signed: SignedIn,
    Json(body): Json<Reauth>,
) -> Result<Response, Problem> {
    let opened = session::step_up(&app, &client, &signed, &body.password).await?;
    let cookie = session::set_cookie(&client, &opened);
    Ok(([(header::SET_COOKIE, cookie)], Json(ReauthAnswer { csrf_token: opened.csrf })).into_response())
}
