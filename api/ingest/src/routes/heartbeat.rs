//! `POST /scanner/heartbeat`.
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use mipo_app::scanner_calls;
use mipo_protocol::messages::HeartbeatRequest;

use super::{Call, settle};
use crate::answer::{Answer, json};
use crate::body;
use crate::state::Ingest;

pub(super) async fn heartbeat(State(state): State<Arc<Ingest>>, request: Request) -> Answer {
    let call = Call::with_key(&state, &request)?;
    call.authenticate(&state).await?;
    let (parts, stream) = request.into_parts();
    let bytes = body::read(&parts.headers, stream, body::CALL).await?;
    let mut tx = state.db.tx("scanners.heartbeat").await?;
    let outcome = async {
        let holder = call.holder(&state, &mut tx).await?;
        // All of it is optional, so an empty body is a heartbeat too.
        let asked: HeartbeatRequest =
            if bytes.iter().all(u8::is_ascii_whitespace) { HeartbeatRequest::default() } else { body::json(&bytes)? };
        scanner_calls::heartbeat(&mut tx, &call.ctx(&state), &state.settings.auth, &holder, &asked, call.source).await
    }
    .await;
    json(StatusCode::OK, &settle(tx, outcome).await?)
}
