//! The outermost layer: gives each request an id, a span and a line in the log, and writes problem documents.
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use mipo_domain::ids::RequestId;
use mipo_runtime::traces::Answered;
use tracing::Instrument as _;

use super::{Problem, is_api};
use crate::state::App;

/// The id of a request, in its extensions and in the answer. Ours alone: what the client sent is thrown away.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// See the module.
pub async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = RequestId::mint(&*app.clock, &*app.entropy);
    let text = id.to_string();
    // Hyphens and hex digits are always a good header value.
    let value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("-"));
    request.headers_mut().insert(HEADER, value.clone());
    request.extensions_mut().insert(id);
    // The path alone: a query may hold what people look for, a fragment never comes here.
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let span = tracing::info_span!("request", id = %text, trace_id = %id.as_uuid().simple(), %method, path = %path);
    let started = std::time::Instant::now();
    let mut response = written(next.run(request).instrument(span.clone()).await, &path, &text);
    response.headers_mut().insert(HEADER, value);
    let (status, took) = (response.status().as_u16(), started.elapsed());
    Answered { id, method: method.as_str(), route: route.as_deref(), path: &path, status, took }.tell();
    let _entered = span.enter();
    tracing::info!(status, ms = took.as_millis() as u64, "answered");
    response
}

/// Writes the problem document, also for what the router refused without one.
fn written(mut response: Response, path: &str, id: &str) -> Response {
    let status = response.status();
    let bare = is_api(path) && (status.is_client_error() || status.is_server_error());
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if bare => Problem::of_status(status),
        None => return response,
    };
    let (mut parts, _) = response.into_parts();
    let answer = problem.answer(id).into_response();
    for (name, value) in answer.headers() {
        parts.headers.insert(name.clone(), value.clone());
    }
    let mut whole = Response::from_parts(parts, answer.into_body());
    // Whatever length the empty answer had.
    whole.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
    whole
}
