//! `/scanner/*` and `/discovery/*`: a file an endpoint.
mod binary;
mod claim;
mod discovery;
mod heartbeat;
pub(crate) mod install;
mod lease;
mod provision;
mod results;
mod rotate;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Router, middleware};
use mipo_app::Ctx;
use mipo_app::refusal::Refusal;
use mipo_app::scanner_calls;
use mipo_domain::ids::{RequestId, ScanJobId};
use mipo_domain::secrets::Token;
use mipo_protocol::problem::Code;
use mipo_protocol::wire::API_KEY_HEADER;
use mipo_store::Tx;
use mipo_store::config::scanner_keys::Holder;

use crate::answer::{Refused, envelope};
use crate::source;
use crate::state::Ingest;

/// Everything that ingest serves.
pub fn router(state: Arc<Ingest>) -> Router {
    Router::new()
        .route("/scanner/provision", post(provision::provision))
        .route("/scanner/install.sh", get(install::shell))
        .route("/scanner/install.ps1", get(install::powershell))
        .route("/scanner/binary/{platform}/{arch}", get(binary::binary))
        .route("/scanner/binary/{platform}/{arch}/sha256", get(binary::sha256))
        .route("/scanner/binary/{platform}/{arch}/sig", get(binary::signature))
        .route("/scanner/heartbeat", post(heartbeat::heartbeat))
        .route("/scanner/key/rotate", post(rotate::rotate))
        .route("/scanner/jobs", get(claim::claim))
        .route("/scanner/jobs/{id}/start", post(lease::start))
        .route("/scanner/jobs/{id}/progress", post(lease::progress))
        .route("/scanner/jobs/{id}/results", post(results::results))
        .route("/scanner/jobs/{id}/release", post(lease::release))
        .route("/scanner/jobs/{id}/complete", post(lease::complete))
        .merge(discovery::routes())
        .method_not_allowed_fallback(|| async {
            Refused(Refusal::new(Code::MethodNotAllowed, "this path is called with another method"))
        })
        .fallback(|| async { Refused(Refusal::new(Code::NotFound, "there is no such path")) })
        .layer(middleware::from_fn_with_state(Arc::clone(&state), envelope))
        .with_state(state)
}

/// One call as it came in: where from, with which key.
struct Call {
    source: std::net::IpAddr,
    caller: mipo_app::Caller,
    key: Option<Token>,
}

impl Call {
    /// Reads what every call has, and counts it.
    fn of(state: &Ingest, request: &Request) -> Self {
        let headers = request.headers();
        let source = source::address(request.extensions(), headers, &state.settings.trusted_proxies);
        let id = request.extensions().get::<RequestId>().copied();
        let id = id.unwrap_or_else(|| RequestId::mint(state.clock.as_ref(), state.entropy.as_ref()));
        Self { source, caller: state.caller(source, id), key: key_of(headers) }
    }

    /// A call that needs no key.
    fn anonymous(state: &Ingest, request: &Request) -> Result<Self, Refusal> {
        let call = Self::of(state, request);
        state.limits.without_key(call.source, state.clock.now())?;
        Ok(call)
    }

    /// A call with a key; whether it is good is judged by [`Call::authenticate`].
    fn with_key(state: &Ingest, request: &Request) -> Result<Self, Refusal> {
        let call = Self::of(state, request);
        state.limits.with_key(call.key.as_ref().map(Token::hash), call.source, state.clock.now())?;
        Ok(call)
    }

    /// Whose key it is, in a transaction of its own: before a body is read, because only a scanner may cost memory and
    /// time. What the call does checks the key again, because a body takes a while to arrive.
    async fn authenticate(&self, state: &Ingest) -> Result<Holder, Refusal> {
        let mut tx = state.db.tx("scanners.authenticate").await?;
        let outcome = self.holder(state, &mut tx).await;
        settle(tx, outcome).await
    }

    /// Whose key it is.
    async fn holder(&self, state: &Ingest, tx: &mut Tx) -> Result<Holder, Refusal> {
        let missing = || Refusal::new(Code::InvalidKey, "the header X-API-Key is missing");
        let key = self.key.as_ref().ok_or_else(missing)?;
        let found = scanner_calls::authenticate(tx, &self.ctx(state), key, self.source).await;
        self.counted(state, key, &found);
        found
    }

    /// Keeps for the limits whether the key turned out to be good.
    fn counted<T>(&self, state: &Ingest, key: &Token, found: &Result<T, Refusal>) {
        match found {
            Ok(_) => state.limits.good(key.hash(), state.clock.now()),
            Err(refusal) if refusal.code == Code::InvalidKey => state.limits.forget(key.hash()),
            Err(_) => {}
        }
    }

    fn ctx<'a>(&'a self, state: &'a Ingest) -> Ctx<'a> {
        state.ctx(&self.caller)
    }
}

fn key_of(headers: &HeaderMap) -> Option<Token> {
    headers.get(API_KEY_HEADER).and_then(|value| value.to_str().ok()).map(|text| Token::presented(text.trim()))
}

/// Commits what a good answer, or a refusal that is to be remembered, has written.
async fn settle<T>(tx: Tx, outcome: Result<T, Refusal>) -> Result<T, Refusal> {
    if outcome.as_ref().err().is_none_or(|refusal| refusal.commit) {
        tx.commit().await?;
    }
    outcome
}

/// The job of the path. What is no number names no job.
fn job_id(text: &str) -> Result<ScanJobId, Refusal> {
    text.parse().map_err(|_| Refusal::new(Code::JobNotFound, "the path names no scan job"))
}
