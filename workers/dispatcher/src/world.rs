//! What tasks and passes work with.
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mipo_app::{Caller, Ctx};
use mipo_domain::clock::Clock;
use mipo_domain::entropy::Entropy;
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_store::Db;
use tokio::sync::Notify;

use crate::Config;

/// The database, the configuration, time and chance: everything that a handler is given besides its ids.
pub struct World {
    /// The pool, as the dispatcher's role.
    pub db: Db,
    /// What it was started with.
    pub config: Config,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    caller: Caller,
    bell: Notify,
}

impl World {
    /// With the real clock and chance.
    pub fn new(db: Db, config: Config) -> Self {
        Self::with(db, config, Arc::new(SystemClock), Arc::new(OsEntropy))
    }

    /// With chosen ones.
    pub fn with(db: Db, config: Config, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { db, config, clock, entropy, caller: Caller::system("dispatcher"), bell: Notify::new() }
    }

    /// For use cases: the dispatcher itself asks.
    pub fn ctx(&self) -> Ctx<'_> {
        Ctx { caller: &self.caller, clock: &*self.clock, entropy: &*self.entropy }
    }

    /// Asks for a round of the reconcile passes soon.
    pub fn ring(&self) {
        self.bell.notify_one();
    }

    /// Until somebody rings.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Clock for World {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

impl Entropy for World {
    fn fill(&self, buffer: &mut [u8]) {
        self.entropy.fill(buffer);
    }
}
