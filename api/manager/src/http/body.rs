//! The body, read whole before anything looks at it: at most 1 MiB within 30 s (product S21).
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::refuse_with;

/// Largest body.
pub const LIMIT: usize = 1024 * 1024;
/// Longest time that it may take to come.
const WITHIN: Duration = Duration::from_secs(30);

/// The body, as layers look at it before the handler does. It has no Debug output, because some hold a password.
#[derive(Clone)]
pub struct Whole(pub Bytes);

/// True for methods that change something.
pub fn writes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The media type, without parameters, in lower case.
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Reads the body of a write. Of a read there is none: it is dropped unread.
pub async fn layer(request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if !writes(&parts.method) {
        return next.run(Request::from_parts(parts, Body::empty())).await;
    }
    let too_large =
        || refuse_with(&path, StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", "The body is larger than 1 MiB.");
    let announced =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LIMIT as u64) {
        return too_large();
    }
    match tokio::time::timeout(WITHIN, to_bytes(body, LIMIT)).await {
        Ok(Ok(bytes)) => {
            parts.extensions.insert(Whole(bytes.clone()));
            next.run(Request::from_parts(parts, Body::from(bytes))).await
        }
        Ok(Err(error)) if is_too_large(&error) => too_large(),
        Ok(Err(_)) => refuse_with(&path, StatusCode::BAD_REQUEST, "BODY_UNREADABLE", "The body ended too early."),
        Err(_) => refuse_with(&path, StatusCode::REQUEST_TIMEOUT, "BODY_TOO_SLOW", "The body took longer than 30 s."),
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        if error.to_string().contains("length limit") {
            return true;
        }
        source = error.source();
    }
    false
}
