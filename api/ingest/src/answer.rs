//! Answers and refusals as HTTP. Every answer carries the id of its request; every refusal is a problem body.
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mipo_app::refusal::Refusal;
use mipo_domain::ids::RequestId;
use mipo_protocol::problem::{Code, Problem, ProblemField};
use mipo_runtime::traces::Answered;
use serde::Serialize;
use tracing::Instrument as _;

use crate::state::Ingest;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A refusal on its way out; [`envelope`] makes the problem body of it, because only there the request's id is known.
pub(crate) struct Refused(pub(crate) Refusal);

impl<E: Into<Refusal>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// A refusal that is extended while it is rendered.
#[derive(Clone)]
struct Rendered(Arc<(Refusal, Option<String>)>);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        refused(self.0, None)
    }
}

/// A refusal, with the command that builds what is not released.
pub(crate) fn refused(refusal: Refusal, build_command: Option<String>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.extensions_mut().insert(Rendered(Arc::new((refusal, build_command))));
    response
}

/// What handlers return.
pub(crate) type Answer = Result<Response, Refused>;

/// A JSON answer.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let bytes = serde_json::to_vec(value).map_err(|error| Refusal::new(Code::Internal, error.to_string()))?;
    Ok((status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response())
}

/// Wraps every request: an id, a span, headers, and the problem body of a refusal.
pub(crate) async fn envelope(State(state): State<Arc<Ingest>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::mint(state.clock.as_ref(), state.entropy.as_ref());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let trace = id.as_uuid().simple();
    let span = tracing::info_span!("call", request.id = %id, trace_id = %trace, %method, path = path.as_str());
    let begun = Instant::now();
    request.extensions_mut().insert(id);
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(Rendered(refused)) = response.extensions_mut().remove::<Rendered>() {
        let (refusal, build_command) = refused.as_ref();
        let _entered = span.entered();
        response = problem(refusal, build_command.clone(), id);
    }
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    Answered { id, method: method.as_str(), route: route.as_deref(), path: &path, status, took }.tell();
    response
}

fn problem(refusal: &Refusal, build_command: Option<String>, id: RequestId) -> Response {
    let code = refusal.code;
    metrics::counter!("mipo_ingest_refusals_total", "code" => code.as_str()).increment(1);
    let detail = if code == Code::Internal {
        tracing::error!(detail = refusal.detail, "a call failed");
        "Something went wrong on this side; the server's log names the request.".to_owned()
    } else {
        tracing::info!(code = code.as_str(), detail = refusal.detail, "refused");
        refusal.detail.clone()
    };
    let mut problem = Problem::new(code, detail, id.to_string());
    problem.fields = refusal
        .fields
        .iter()
        .map(|f| ProblemField { field: f.field.clone(), code: f.code.to_owned(), message: f.message.clone() })
        .collect();
    problem.next_seq = refusal.resume.map(|(seq, _)| seq);
    problem.resume_index = refusal.resume.map(|(_, index)| index);
    problem.build_command = build_command;
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response =
        (status, [(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))], body).into_response();
    let wait = refusal.retry_after.or_else(|| matches!(code.status(), 429 | 503).then_some(5));
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
