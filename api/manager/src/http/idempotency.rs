//! `Idempotency-Key` on writes of the API (product 6.1): the same key with the same body gets the stored answer for
//! 24 h; with another body it is refused.
//!
//! Answers are kept sealed, because some hold a secret that is shown once; so is the hash of the body, because some hold
//! a password, which could be guessed from a bare one.
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chrono::TimeDelta;
use mipo_app::{AppError, FieldError};
use mipo_domain::hash::Hash256;
use mipo_domain::sealing::Place;
use mipo_store::StoreError;
use mipo_store::config::idempotency_keys::{self, Kept};

use super::Problem;
use super::body::{LIMIT, Whole, writes};
use crate::signed::SignedIn;
use crate::state::App;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is a stored one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// How long an answer is kept.
const KEPT_FOR: TimeDelta = TimeDelta::hours(24);
/// How long a key is held by a request that never came back: longer than any request takes.
const HELD_FOR: TimeDelta = TimeDelta::minutes(2);
/// Their answers set cookies; repeating one would hand out a session that is gone.
const NEVER: &str = "/api/auth/";
/// The sealed columns.
const BODY: &str = "body_hash";
const ANSWER: &str = "answer";

/// See the module.
pub async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let applies = writes(request.method()) && path.starts_with("/api/") && !path.starts_with(NEVER);
    let Some(key) = request.headers().get(&HEADER).filter(|_| applies) else { return next.run(request).await };
    let Some(user) = request.extensions().get::<SignedIn>().and_then(|signed| signed.caller.user_id()) else {
        return next.run(request).await;
    };
    let key = match key.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => key.to_owned(),
        _ => return bad_key().into_response(),
    };
    let body = request.extensions().get::<Whole>().map(|Whole(body)| body.clone()).unwrap_or_default();
    let asked = Asked {
        actor: format!("user:{user}"),
        key,
        method: request.method().to_string(),
        path: path.to_owned(),
        body_hash: Hash256::of(&body),
    };
    match take(&app, &asked).await {
        Ok(Taken::Ours) => {}
        Ok(Taken::Answered(response)) => return response,
        Err(error) => return Problem::from(error).into_response(),
    }
    let response = next.run(request).await;
    keep(&app, &asked, response).await
}

struct Asked {
    actor: String,
    key: String,
    method: String,
    path: String,
    body_hash: Hash256,
}

impl Asked {
    fn row(&self) -> String {
        format!("{} {}", self.actor, self.key)
    }
}

enum Taken {
    Ours,
    Answered(Response),
}

async fn take(app: &App, asked: &Asked) -> Result<Taken, AppError> {
    let mut tx = app.db.tx("idempotency.take").await?;
    let (now, row) = (app.clock.now(), asked.row());
    let request = idempotency_keys::Request {
        actor: &asked.actor,
        key: &asked.key,
        method: &asked.method,
        path: &asked.path,
        body_hash: &app.sealer.seal(&*app.entropy, place(&row, BODY), asked.body_hash.as_bytes()),
    };
    if idempotency_keys::claim(&mut tx, &request, now, now + HELD_FOR).await? {
        tx.commit().await?;
        return Ok(Taken::Ours);
    }
    // Gone between the two statements: somebody gave it back, and the caller may try again.
    let kept = idempotency_keys::get(&mut tx, &asked.actor, &asked.key).await?.ok_or(AppError::Unavailable(1))?;
    replay(app, asked, kept)
}

fn replay(app: &App, asked: &Asked, kept: Kept) -> Result<Taken, AppError> {
    let row = asked.row();
    let body_hash = opened(app, place(&row, BODY), &kept.body_hash)?;
    if body_hash != asked.body_hash.as_bytes() || kept.method != asked.method || kept.path != asked.path {
        return Err(AppError::conflict(
            "KEY_REUSED",
            "This Idempotency-Key was used for another request. Take a new one.",
        ));
    }
    let (Some(status), Some(answer)) = (kept.status, kept.answer) else {
        return Err(AppError::conflict(
            "KEY_IN_USE",
            "The first request with this Idempotency-Key is still under way.",
        ));
    };
    let body = opened(app, place(&row, ANSWER), &answer)?;
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = (status.unwrap_or(StatusCode::OK), body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(Taken::Answered(response))
}

/// Keeps a success. A refusal did nothing, so the key is free again.
async fn keep(app: &App, asked: &Asked, response: Response) -> Response {
    let status = response.status();
    if !status.is_success() {
        forget(app, asked).await;
        return response;
    }
    let (parts, body) = response.into_parts();
    // Answers are written in memory before they are sent.
    let Ok(body) = axum::body::to_bytes(body, 16 * LIMIT).await else {
        return Problem::from(AppError::Internal("an answer could not be read".to_owned())).into_response();
    };
    if let Err(error) = store(app, asked, status, &body).await {
        // The work is done and the answer is good; only a repeat would not find it.
        tracing::error!(%error, "an answer could not be kept");
    }
    Response::from_parts(parts, Body::from(body))
}

async fn store(app: &App, asked: &Asked, status: StatusCode, body: &Bytes) -> Result<(), StoreError> {
    let row = asked.row();
    let sealed = app.sealer.seal(&*app.entropy, place(&row, ANSWER), body);
    let mut tx = app.db.tx("idempotency.keep").await?;
    let until = app.clock.now() + KEPT_FOR;
    let status = i32::from(status.as_u16());
    idempotency_keys::keep(&mut tx, &asked.actor, &asked.key, status, &sealed, until).await?;
    tx.commit().await
}

async fn forget(app: &App, asked: &Asked) {
    let released: Result<(), StoreError> = async {
        let mut tx = app.db.tx("idempotency.release").await?;
        idempotency_keys::release(&mut tx, &asked.actor, &asked.key).await?;
        tx.commit().await
    }
    .await;
    if let Err(error) = released {
        tracing::warn!(%error, "an Idempotency-Key could not be given back; it is free in two minutes");
    }
}

fn opened(app: &App, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, AppError> {
    let broken = |error| AppError::Internal(format!("what is kept in {} does not open: {error}", place.column));
    app.sealer.open(place, sealed).map_err(broken)
}

const fn place<'a>(row: &'a str, column: &'a str) -> Place<'a> {
    Place { table: "idempotency_keys", row, column }
}

fn bad_key() -> Problem {
    let message = "An Idempotency-Key has 1 to 255 visible characters.";
    AppError::Invalid(vec![FieldError::new("Idempotency-Key", "length", message)]).into()
}
