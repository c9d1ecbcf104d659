//! What every handler is given.
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use ipnet::IpNet;
use mipo_app::leases::LeaseRules;
use mipo_app::refusal::Refusal;
use mipo_app::scanner_calls::AuthRules;
use mipo_app::{Caller, Ctx};
use mipo_domain::clock::Clock;
use mipo_domain::entropy::Entropy;
use mipo_domain::ids::RequestId;
use mipo_protocol::problem::Code;
use mipo_protocol::signature::PublicKey;
use mipo_runtime::Shutdown;
use mipo_store::jobs::uploads;
use mipo_store::{Db, StoreError, Tx};
use tokio::sync::Semaphore;

use crate::announce;
use crate::bell::Bell;
use crate::limits::Limits;
use crate::releases::Releases;

/// Parts that wait longer than this to be stored mean that the results queue is late.
const LATE_SECONDS: f64 = 300.0;
/// Parts in memory at a time; unpacked, each may have 32 MiB.
const PARTS_AT_A_TIME: usize = 8;
/// How long a look at the queue is good for.
const LATE_LOOK_SECONDS: i64 = 3;

/// What an installation sets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// The address under which scanners reach mipo, for the install script.
    pub public_url: Option<String>,
    /// The folder of release files.
    pub release_dir: Option<PathBuf>,
    /// The key that signs them.
    pub release_public_key: Option<PublicKey>,
    /// Who gets jobs.
    pub auth: AuthRules,
    /// How long leases last.
    pub leases: LeaseRules,
    /// Calls a minute of one address without a good key.
    pub unauth_calls_per_minute: u32,
    /// Calls a minute of one key.
    pub key_calls_per_minute: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            public_url: None,
            release_dir: None,
            release_public_key: None,
            auth: AuthRules::default(),
            leases: LeaseRules::default(),
            unauth_calls_per_minute: 60,
            key_calls_per_minute: 600,
        }
    }
}

/// The running service.
pub struct Ingest {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) settings: Settings,
    pub(crate) releases: Releases,
    pub(crate) limits: Limits,
    pub(crate) bell: Bell,
    pub(crate) shutdown: Shutdown,
    /// Parts that are read, unpacked and checked at a time.
    pub(crate) unpacking: Semaphore,
    caller: Caller,
    late: Mutex<Option<(DateTime<Utc>, bool)>>,
}

impl Ingest {
    /// A service over `db`, which connects as `mipo_ingest`.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        settings: Settings,
        shutdown: Shutdown,
    ) -> Arc<Self> {
        Arc::new(Self {
            db,
            clock,
            entropy,
            releases: Releases::new(settings.release_dir.clone(), settings.release_public_key),
            limits: Limits::new(settings.unauth_calls_per_minute, settings.key_calls_per_minute),
            bell: Bell::default(),
            unpacking: Semaphore::new(PARTS_AT_A_TIME),
            shutdown,
            caller: Caller::system("ingest"),
            late: Mutex::new(None),
            settings,
        })
    }

    /// Hears from the database which scanner has something to fetch, and looks every few seconds besides, until the
    /// shutdown.
    pub async fn listen(self: Arc<Self>) {
        tokio::join!(self.bell.listen(&self.db, &self.shutdown), self.bell.watch(&self.db, &self.shutdown));
    }

    /// Says in the database which files are served, by hash. [`crate::service::start`] does it every minute.
    pub async fn announce(&self) -> Result<(), StoreError> {
        announce::once(self).await
    }

    /// Who acts for a call from `source`.
    pub(crate) fn caller(&self, source: IpAddr, request: RequestId) -> Caller {
        Caller { ip: Some(source), request_id: Some(request), ..self.caller.clone() }
    }

    /// The context of a use case.
    pub(crate) fn ctx<'a>(&'a self, caller: &'a Caller) -> Ctx<'a> {
        Ctx { caller, clock: self.clock.as_ref(), entropy: self.entropy.as_ref() }
    }

    /// Refuses results while those that were accepted before are not stored in time.
    pub(crate) async fn results_in_time(&self, tx: &mut Tx) -> Result<(), Refusal> {
        let now = self.clock.now();
        let known = *self.late.lock().unwrap_or_else(PoisonError::into_inner);
        let late = match known {
            Some((at, late)) if now - at < Duration::seconds(LATE_LOOK_SECONDS) && now >= at => late,
            _ => {
                let late = uploads::oldest_unstored_seconds(tx).await?.is_some_and(|age| age > LATE_SECONDS);
                *self.late.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, late));
                late
            }
        };
        if !late {
            return Ok(());
        }
        let mut refusal = Refusal::new(Code::RateLimited, "results are stored late; keep the part and send it again");
        refusal.retry_after = Some(15);
        Err(refusal)
    }
}
