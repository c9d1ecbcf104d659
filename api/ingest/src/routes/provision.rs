//! `POST /scanner/provision`: the one-time token becomes a key, exactly once.
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use mipo_app::refusal::Refusal;
use mipo_app::scanner_calls;
use mipo_protocol::messages::ProvisionRequest;
use mipo_protocol::release;

use super::{Call, settle};
use crate::answer::{Answer, json};
use crate::body;
use crate::state::Ingest;

pub(super) async fn provision(State(state): State<Arc<Ingest>>, request: Request) -> Answer {
    let call = Call::anonymous(&state, &request)?;
    let (parts, stream) = request.into_parts();
    let asked: ProvisionRequest = body::json(&body::read(&parts.headers, stream, body::CALL).await?)?;
    if !release::is_known(&asked.platform, &asked.arch) {
        let message = "platform is linux, darwin or windows, and arch is amd64 or arm64";
        let field = if release::PLATFORMS.contains(&asked.platform.as_str()) { "arch" } else { "platform" };
        return Err(Refusal::invalid(field, "unknown", message).into());
    }
    let mut tx = state.db.tx("scanners.provision").await?;
    let outcome = scanner_calls::provision(&mut tx, &call.ctx(&state), &asked, call.source).await;
    json(StatusCode::CREATED, &settle(tx, outcome).await?)
}
