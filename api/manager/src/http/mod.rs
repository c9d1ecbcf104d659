//! What stands around every request, from the outside in: request id, log line and problem documents, security
//! headers, where it comes from, error pages, panics, the body within its limit, the session, the CSRF check, kept
//! answers.
//!
//! Handlers of the API return `Result<_, Problem>`, handlers of pages `Result<_, ui::Error>`; both take [`crate::signed::SignedIn`]
//! for the caller. A JSON body is taken by [`Json`], a form by [`Posted`], an id of the path by [`Id`].
pub mod body;
pub mod client;
pub mod csrf;
pub mod form;
pub mod headers;
pub mod idempotency;
pub mod json;
pub mod panics;
pub mod path;
pub mod problem;
pub mod request_id;
pub mod session;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use mipo_app::AppError;

pub use client::Client;
pub use form::Posted;
pub use json::Json;
pub use path::Id;
pub use problem::Problem;

use crate::ui;

/// True where people do not look: refusals there are problem documents, elsewhere pages.
pub fn is_api(path: &str) -> bool {
    ["/api", "/live", "/scanner", "/discovery"]
        .iter()
        .any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Refuses a request to `path` in the form that suits it.
pub fn refuse(path: &str, error: AppError) -> Response {
    if is_api(path) { Problem::from(error).into_response() } else { ui::Error(error).into_response() }
}

/// Refuses before any use case was asked.
pub fn refuse_with(path: &str, status: StatusCode, code: &'static str, detail: &str) -> Response {
    if is_api(path) {
        Problem::new(status, code, detail).into_response()
    } else {
        ui::errors::refusal(status, problem::title(status), detail)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_address_is_for_programs_or_for_people() {
        for path in ["/api", "/api/me", "/live", "/scanner/jobs", "/discovery/x"] {
            assert!(super::is_api(path), "{path}");
        }
        for path in ["/", "/apis", "/login", "/config/scanners", "/lively"] {
            assert!(!super::is_api(path), "{path}");
        }
    }
}
