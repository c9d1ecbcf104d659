//! `POST /api/auth/login`
use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use mipo_domain::ids::RequestId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Client, Json, Problem, session};
use crate::signed::SignedIn;
use crate::state::App;

/// Who signs in. It has no Debug output, because it holds the password.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    /// User name, in any case of letters.
    username: String,
    /// Password.
    password: String,
}

/// The session that began.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginAnswer {
    /// To be sent with every write, as `X-CSRF-Token`.
    csrf_token: String,
    /// What comes next: the path of a page.
    next: &'static str,
}

/// Signs in. The answer sets the cookie of the session.
#[utoipa::path(
    post,
    path = "/api/auth/login",
    tag = "auth",
    request_body = Login,
    responses(
        (status = 200, description = "Signed in", body = LoginAnswer),
        (status = 401, description = "`INVALID_CREDENTIALS`: unknown user or wrong password"),
        (status = 429, description = "Too many failures; wait `Retry-After` seconds"),
    ),
    security(())
)]
pub async fn login(
    State(app): State<App>,
    client: Client,
    signed: Option<Extension<SignedIn>>,
    Extension(request_id): Extension<RequestId>,
    Json(body): Json<Login>,
) -> Result<Response, Problem> {
    let before = signed.and_then(|Extension(signed)| signed.session);
    let logged_in = session::sign_in(&app, &client, request_id, before, body.username.trim(), &body.password).await?;
    let cookie = session::set_cookie(&client, &logged_in.session);
    let answer = LoginAnswer { csrf_token: logged_in.session.csrf, next: "/" };
    Ok(([(header::SET_COOKIE, cookie)], Json(answer)).into_response())
}
