//! `POST /api/auth/logout`
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::http::{Client, Problem, session};
use crate::signed::SignedIn;
use crate::state::App;

/// Signs out: the session is over at once.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", responses((status = 204, description = "Signed out")))]
pub async fn logout(State(app): State<App>, client: Client, signed: SignedIn) -> Result<Response, Problem> {
    session::sign_out(&app, &signed).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, session::clear_cookie(&client))]).into_response())
}
