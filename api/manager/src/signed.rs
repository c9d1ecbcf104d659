//! Who asks, as the session layer found out.
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use mipo_app::Caller;
use mipo_domain::ids::SessionId;

use crate::http::{Problem, is_api, refuse_with};
use crate::lists::encode;

/// A signed-in caller. The session layer puts it into the request's extensions; as an argument of a handler it demands
/// one: a page sends others to `/login`, everything else answers 401. It has no Debug output, because it holds a token.
#[derive(Clone)]
pub struct SignedIn {
    /// Who, with their rights.
    pub caller: Caller,
    /// The session, for its list and for the live stream; absent for a token.
    pub session: Option<SessionId>,
    /// CSRF token, for forms.
    pub csrf: String,
    /// `light`, `dark`, or empty for the system's.
    pub theme: &'static str,
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| refuse(parts))
    }
}

fn refuse(parts: &Parts) -> Response {
    let path = parts.uri.path();
    let is_page = parts.method == Method::GET && !is_api(path);
    // A script asks for a part of a page: it reloads the whole one on 401 and gets to the login that way.
    if is_page && !parts.headers.contains_key("hx-request") {
        let next = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let location = if next == "/" { "/login".to_owned() } else { format!("/login?next={}", encode(next)) };
        return (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    }
    if is_api(path) {
        return Problem::not_signed_in().into_response();
    }
    refuse_with(
        path,
        StatusCode::UNAUTHORIZED,
        "NOT_SIGNED_IN",
        "You are not signed in any more. Sign in and try again.",
    )
}
