//! `GET` and `POST /discovery/lists`.
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use mipo_app::discovery::{self, AskedList};

use super::Call;
use crate::answer::{Answer, json};
use crate::body;
use crate::routes::settle;
use crate::state::Ingest;

/// The lists of the source.
pub(super) async fn own(State(state): State<Arc<Ingest>>, request: Request) -> Answer {
    let call = Call::with_key(&state, &request)?;
    let mut tx = state.db.tx("discovery.lists").await?;
    let outcome = async {
        let source = call.pusher(&state, &mut tx).await?;
        discovery::own_lists(&mut tx, &source).await
    }
    .await;
    json(StatusCode::OK, &settle(tx, outcome).await?)
}

/// Makes a list; 200 when it is there with the same scanner or group.
pub(super) async fn make(State(state): State<Arc<Ingest>>, request: Request) -> Answer {
    let call = Call::with_key(&state, &request)?;
    call.admit_source(&state).await?;
    let (parts, stream) = request.into_parts();
    let asked: AskedList = body::json(&body::read(&parts.headers, stream, body::PUSH).await?)?;
    let mut tx = state.db.tx("discovery.make_list").await?;
    let outcome = async {
        let source = call.pusher(&state, &mut tx).await?;
        discovery::make_list(&mut tx, &call.ctx(&state), &source, &asked).await
    }
    .await;
    let made = settle(tx, outcome).await?;
    json(if made.is_new { StatusCode::CREATED } else { StatusCode::OK }, &made.list)
}
