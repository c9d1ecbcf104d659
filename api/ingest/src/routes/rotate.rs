//! `POST /scanner/key/rotate`.
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use mipo_app::scanner_calls;

use super::{Call, settle};
use crate::answer::{Answer, json};
use crate::state::Ingest;

pub(super) async fn rotate(State(state): State<Arc<Ingest>>, request: Request) -> Answer {
    let call = Call::with_key(&state, &request)?;
    drop(request);
    let mut tx = state.db.tx("scanners.rotate_key").await?;
    let outcome = async {
        let holder = call.holder(&state, &mut tx).await?;
        scanner_calls::rotate(&mut tx, &call.ctx(&state), &holder).await
    }
    .await;
    json(StatusCode::OK, &settle(tx, outcome).await?)
}
