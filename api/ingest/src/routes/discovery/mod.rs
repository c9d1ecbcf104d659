//! `/discovery/*`: what other systems call to say which addresses they know (product 6.5).
mod ips;
mod lists;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post};
use mipo_app::discovery;
use mipo_app::refusal::Refusal;
use mipo_protocol::problem::Code;
use mipo_store::Tx;
use mipo_store::config::discovery_push::Pusher;

use super::{Call, settle};
use crate::state::Ingest;

/// The routes of the discovery API.
pub(super) fn routes() -> Router<Arc<Ingest>> {
    Router::new()
        .route("/discovery/lists", get(lists::own).post(lists::make))
        .route("/discovery/lists/{name}/ips", post(ips::push))
        .route("/discovery/lists/{name}/ips/older-than", delete(ips::delete_older))
}

impl Call {
    /// Whose key it is, in a transaction of its own and before a body is read, as for scanners.
    async fn admit_source(&self, state: &Ingest) -> Result<(), Refusal> {
        let mut tx = state.db.tx("discovery.authenticate").await?;
        let outcome = self.pusher(state, &mut tx).await;
        settle(tx, outcome).await.map(drop)
    }

    /// The source whose key it is.
    async fn pusher(&self, state: &Ingest, tx: &mut Tx) -> Result<Pusher, Refusal> {
        let missing = || Refusal::new(Code::InvalidKey, "the header X-API-Key is missing");
        let key = self.key.as_ref().ok_or_else(missing)?;
        let found = discovery::authenticate(tx, key).await;
        self.counted(state, key, &found);
        found
    }
}
