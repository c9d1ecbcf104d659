//! `POST /discovery/lists/:name/ips` and `DELETE …/older-than`.
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use mipo_app::discovery;
use serde::Deserialize;

use super::Call;
use crate::answer::{Answer, json};
use crate::body;
use crate::routes::settle;
use crate::state::Ingest;

/// Addresses that a source knows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pushed {
    ips: Vec<String>,
}

/// Takes addresses onto a list.
pub(super) async fn push(State(state): State<Arc<Ingest>>, Path(name): Path<String>, request: Request) -> Answer {
    let call = Call::with_key(&state, &request)?;
    call.admit_source(&state).await?;
    let (parts, stream) = request.into_parts();
    let pushed: Pushed = body::json(&body::read(&parts.headers, stream, body::PUSH).await?)?;
    let mut tx = state.db.tx("discovery.push").await?;
    let outcome = async {
        let source = call.pusher(&state, &mut tx).await?;
        discovery::push(&mut tx, &call.ctx(&state), &source, &name, &pushed.ips).await
    }
    .await;
    json(StatusCode::OK, &settle(tx, outcome).await?)
}

/// From when on addresses stay.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OlderThan {
    older_than: DateTime<Utc>,
}

/// Takes addresses off a list that were not pushed for long.
pub(super) async fn delete_older(
    State(state): State<Arc<Ingest>>,
    Path(name): Path<String>,
    request: Request,
) -> Answer {
    let call = Call::with_key(&state, &request)?;
    call.admit_source(&state).await?;
    let (parts, stream) = request.into_parts();
    let asked: OlderThan = body::json(&body::read(&parts.headers, stream, body::PUSH).await?)?;
    let mut tx = state.db.tx("discovery.delete_older").await?;
    let outcome = async {
        let source = call.pusher(&state, &mut tx).await?;
        discovery::delete_older(&mut tx, &call.ctx(&state), &source, &name, asked.older_than).await
    }
    .await;
    json(StatusCode::OK, &settle(tx, outcome).await?)
}
