//! The internal API, product 6.6. Bearer token; the manager is its only caller.
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use mipo_runtime::config::Secret;
use mipo_store::Db;
use serde_json::json;
use subtle::ConstantTimeEq as _;

use crate::status::Status;

pub(crate) struct Backup {
    pub(crate) db: Db,
    pub(crate) token: Secret,
    pub(crate) folder: PathBuf,
}

pub(crate) fn router(backup: Arc<Backup>) -> Router {
    Router::new()
        .route("/internal/status", get(status))
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "NOT_FOUND", "no such endpoint") })
        .layer(middleware::from_fn_with_state(backup.clone(), authorise))
        .with_state(backup)
}

async fn status(State(backup): State<Arc<Backup>>) -> Response {
    match Status::read(&backup.db, &backup.folder).await {
        Ok(status) => Json(status).into_response(),
        Err(error) => {
            tracing::warn!(%error, "status not read");
            problem(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "the database does not answer")
        }
    }
}

async fn authorise(State(backup): State<Arc<Backup>>, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    if bool::from(given.as_bytes().ct_eq(backup.token.expose().as_bytes())) {
        next.run(request).await
    } else {
        problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "a bearer token is needed")
    }
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
