//! What every handler of the manager can reach.
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use mipo_app::passwords::Passwords;
use mipo_app::sessions::Limits;
use mipo_app::{Caller, Ctx};
use mipo_domain::clock::Clock;
use mipo_domain::entropy::Entropy;
use mipo_domain::sealing::Sealer;
use mipo_store::Db;
use tokio_util::sync::CancellationToken;

use crate::live::{Hub, Rates};
use crate::ui::scans::detail::Overviews;

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of [`App`].
pub struct Parts {
    /// The pool, as role `mipo_manager`.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for ids and secrets.
    pub entropy: Arc<dyn Entropy>,
    /// What changed, for open pages.
    pub hub: Hub,
    /// How fast scans go.
    pub rates: Rates,
    /// Scans as several people look at them at once.
    pub overviews: Overviews,
    /// How long sessions last.
    pub session_limits: Limits,
    /// How often an open stream looks at its session again.
    pub check_every: Duration,
    /// Cancelled when streams are to be closed with a hint to come back.
    pub stop: CancellationToken,
    /// True for `MIPO_ENV=development`.
    pub development: bool,
    /// Hashes and judges passwords.
    pub passwords: Passwords,
    /// `PASSWORD_MIN_LENGTH`
    pub password_min_length: usize,
    /// Seals secrets at rest.
    pub sealer: Sealer,
    /// Who may say where a request came from.
    pub trusted_proxies: Vec<IpNet>,
    /// `PUBLIC_URL`
    pub public_url: Option<String>,
    /// A signed scanner is served (`RELEASE_PUBLIC_KEY` is set), so that one command installs it.
    pub releases: bool,
    /// `MAX_TARGET_IPS` and `MAX_PROBES_PER_SCAN`.
    pub scan_limits: mipo_app::template_summary::Limits,
}

impl App {
    /// Wraps the parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The context of a use case asked for by `caller`.
    pub fn ctx<'a>(&'a self, caller: &'a Caller) -> Ctx<'a> {
        Ctx { caller, clock: &*self.clock, entropy: &*self.entropy }
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
