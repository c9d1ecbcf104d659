//! Turns a panic into an answer. It stands inside the layers that write headers and draw pages, so that a fault of ours
//! carries the same headers as every other answer (product S8).
use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt as _;

use super::refuse_with;

/// See the module.
pub async fn layer(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    answered.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        let detail = "This is a fault of mipo. The log has the details under the request id.";
        refuse_with(&path, StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", detail)
    })
}
