//! `POST /scanner/jobs/:id/{start,progress,release,complete}`.
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use mipo_app::{leases, scanner_calls};
use mipo_protocol::messages::{CompleteRequest, ProgressRequest, ReleaseRequest, StartRequest};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Call, job_id, settle};
use crate::answer::{Answer, Refused, json};
use crate::body;
use crate::state::Ingest;

/// Reads the call. The body is read only after the key was judged, so that strangers learn nothing and cost nothing.
async fn read(state: &Ingest, request: Request) -> Result<(Call, bytes::Bytes), Refused> {
    let call = Call::with_key(state, &request)?;
    call.authenticate(state).await?;
    let (parts, stream) = request.into_parts();
    Ok((call, body::read(&parts.headers, stream, body::CALL).await?))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, mipo_app::refusal::Refusal> {
    body::json(bytes)
}

pub(super) async fn start(State(state): State<Arc<Ingest>>, Path(id): Path<String>, request: Request) -> Answer {
    let (call, bytes) = read(&state, request).await?;
    let mut tx = state.db.tx("jobs.start").await?;
    let outcome = async {
        let holder = call.holder(&state, &mut tx).await?;
        scanner_calls::admit_version(&state.settings.auth, &holder)?;
        let (id, asked) = (job_id(&id)?, parse::<StartRequest>(&bytes)?);
        leases::start(&mut tx, &call.ctx(&state), &state.settings.leases, &holder, id, asked).await
    }
    .await;
    json(StatusCode::OK, &settle(tx, outcome).await?)
}

pub(super) async fn progress(State(state): State<Arc<Ingest>>, Path(id): Path<String>, request: Request) -> Answer {
    let (call, bytes) = read(&state, request).await?;
    let mut tx = state.db.tx("jobs.progress").await?;
    let outcome = async {
        let holder = call.holder(&state, &mut tx).await?;
        let (id, asked) = (job_id(&id)?, parse::<ProgressRequest>(&bytes)?);
        leases::progress(&mut tx, &state.settings.leases, &holder, id, asked).await
    }
    .await;
    json(StatusCode::OK, &settle(tx, outcome).await?)
}

pub(super) async fn release(State(state): State<Arc<Ingest>>, Path(id): Path<String>, request: Request) -> Answer {
    let (call, bytes) = read(&state, request).await?;
    let mut tx = state.db.tx("jobs.release").await?;
    let outcome = async {
        let holder = call.holder(&state, &mut tx).await?;
        let (id, asked) = (job_id(&id)?, parse::<ReleaseRequest>(&bytes)?);
        leases::release(&mut tx, holder.id, id, &asked).await
    }
    .await;
    settle(tx, outcome).await?;
    json(StatusCode::OK, &json!({}))
}

pub(super) async fn complete(State(state): State<Arc<Ingest>>, Path(id): Path<String>, request: Request) -> Answer {
    let (call, bytes) = read(&state, request).await?;
    let mut tx = state.db.tx("jobs.complete").await?;
    let outcome = async {
        let holder = call.holder(&state, &mut tx).await?;
        let (id, asked) = (job_id(&id)?, parse::<CompleteRequest>(&bytes)?);
        leases::complete(&mut tx, holder.id, id, &asked).await
    }
    .await;
    json(StatusCode::OK, &settle(tx, outcome).await?)
}
