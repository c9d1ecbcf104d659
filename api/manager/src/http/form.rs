//! Forms.
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::Response;

use super::body::{LIMIT, media_type};
use super::csrf::FIELD;
use super::refuse_with;
use crate::lists::pairs;
use crate::ui::forms::Form;

/// A posted form, without its CSRF field, which was checked before. It has no Debug output, because some forms
/// hold a password.
#[derive(Clone)]
pub struct Posted(pub Form);

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let path = request.uri().path().to_owned();
        let kind = media_type(request.headers());
        let refuse = |status, code, detail: &str| Err(refuse_with(&path, status, code, detail));
        let Ok(body) = axum::body::to_bytes(request.into_body(), LIMIT).await else {
            return refuse(StatusCode::BAD_REQUEST, "BODY_UNREADABLE", "The form ended too early.");
        };
        // A form without fields may come without a type.
        if kind != "application/x-www-form-urlencoded" && !body.is_empty() {
            let detail = "Send the form as application/x-www-form-urlencoded.";
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "WRONG_CONTENT_TYPE", detail);
        }
        let Ok(text) = std::str::from_utf8(&body) else {
            return refuse(StatusCode::BAD_REQUEST, "BODY_UNREADABLE", "The form is not UTF-8.");
        };
        Ok(Self(Form::from_pairs(pairs(text).into_iter().filter(|(name, _)| name != FIELD))))
    }
}
