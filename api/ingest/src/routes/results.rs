//! `POST /scanner/jobs/:id/results`: one part, durable before it is acknowledged.
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use mipo_app::leases::{self, Upload};
use mipo_app::refusal::Refusal;
use mipo_domain::hash::Hash256;
use mipo_protocol::part::Part;
use mipo_protocol::wire::PART_SHA256_HEADER;

use super::{Call, job_id, settle};
use crate::answer::{Answer, json};
use crate::body;
use crate::state::Ingest;

pub(super) async fn results(State(state): State<Arc<Ingest>>, Path(id): Path<String>, request: Request) -> Answer {
    let call = Call::with_key(&state, &request)?;
    call.authenticate(&state).await?;
    let (parts, stream) = request.into_parts();
    let named = parts.headers.get(PART_SHA256_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    // Unpacked parts are large: only a few are in memory at a time, and the others wait here.
    let _unpacking = state.unpacking.acquire().await;
    let bytes = body::read(&parts.headers, stream, body::PART).await?;
    let mut tx = state.db.tx("jobs.results").await?;
    let outcome = async {
        let holder = call.holder(&state, &mut tx).await?;
        let id = job_id(&id)?;
        state.results_in_time(&mut tx).await?;
        let sha256 = checked_hash(named.as_deref(), &bytes)?;
        let part: Part = body::json(&bytes)?;
        let upload = Upload { part, sha256, source_ip: call.source };
        leases::accept(&mut tx, &call.ctx(&state), &state.settings.leases, &holder, id, upload).await
    }
    .await;
    let answer = settle(tx, outcome).await?;
    metrics::counter!("mipo_ingest_part_bytes_total").increment(bytes.len() as u64);
    json(StatusCode::OK, &answer)
}

/// The hash of the unpacked body, when it is the one that the header names.
fn checked_hash(named: Option<&str>, bytes: &[u8]) -> Result<Hash256, Refusal> {
    let wrong = |message: &str| Refusal::invalid("X-Mipo-Part-Sha256", "invalid", message);
    let named: Hash256 = named
        .ok_or_else(|| {
            wrong("the header is missing; it is the SHA-256 of the unpacked body, 64 lower-case hex digits")
        })?
        .parse()
        .map_err(|_| wrong("must be 64 lower-case hex digits"))?;
    let seen = Hash256::of(bytes);
    if seen == named { Ok(seen) } else { Err(wrong("is not the SHA-256 of the unpacked body")) }
}
