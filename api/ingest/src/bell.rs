//! Who waits for jobs, and what wakes them: `NOTIFY mipo_scan_jobs`, a newer call of the same scanner, or a look.
//!
//! A notification can be missed while the listener reconnects, so somebody has to look now and then. One statement looks
//! for all that wait at this node: a look of each would be hundreds of transactions a second for a large fleet.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mipo_domain::ids::ScannerId;
use mipo_runtime::Shutdown;
use mipo_store::Db;
use mipo_store::jobs::leases;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

const CHANNEL: &str = "mipo_scan_jobs";
/// After the listener failed.
const RETRY: Duration = Duration::from_secs(2);

/// How often one statement looks for all that wait.
const LOOK: Duration = Duration::from_secs(3);

#[derive(Default)]
struct Waiting {
    calls: u64,
    /// Calls that have not been answered.
    open: usize,
    notify: Arc<Notify>,
}

/// One waiting place for each scanner.
#[derive(Default)]
pub(crate) struct Bell {
    waiting: Mutex<HashMap<ScannerId, Waiting>>,
}

/// The place of one long poll.
pub(crate) struct Place<'a> {
    bell: &'a Bell,
    scanner: ScannerId,
    call: u64,
    notify: Arc<Notify>,
}

impl Bell {
    /// Takes the scanner's place; a call that had it before is woken and gives up.
    pub(crate) fn take_place(&self, scanner: ScannerId) -> Place<'_> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let place = waiting.entry(scanner).or_default();
        place.calls += 1;
        place.open += 1;
        place.notify.notify_waiters();
        Place { bell: self, scanner, call: place.calls, notify: Arc::clone(&place.notify) }
    }

    fn ring(&self, scanner: ScannerId) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = waiting.get(&scanner) {
            place.notify.notify_waiters();
        }
    }

    fn ring_all(&self) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.values().for_each(|place| place.notify.notify_waiters());
    }

    fn waiting(&self) -> Vec<ScannerId> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.iter().filter(|(_, place)| place.open > 0).map(|(scanner, _)| *scanner).collect()
    }

    /// Rings for everybody who waits although there is something to claim, until the shutdown.
    pub(crate) async fn watch(&self, db: &Db, shutdown: &Shutdown) {
        loop {
            tokio::select! { () = tokio::time::sleep(LOOK) => {}, () = shutdown.stopping() => return }
            let waiting = self.waiting();
            if waiting.is_empty() {
                continue;
            }
            let found = async {
                let mut tx = db.tx("jobs.watch").await?;
                leases::with_work(&mut tx, &waiting).await
            };
            match found.await {
                Ok(scanners) => scanners.into_iter().for_each(|scanner| self.ring(scanner)),
                // Whoever waits is answered at the end of the wait, and asks again.
                Err(error) => tracing::warn!(%error, "nobody could look for scan jobs; it is tried again"),
            }
        }
    }

    /// Hears the database until the shutdown.
    pub(crate) async fn listen(&self, db: &Db, shutdown: &Shutdown) {
        while !shutdown.is_stopping() {
            let heard = async {
                let mut listener = db.listener(&[CHANNEL]).await?;
                // What was rung while nobody listened.
                self.ring_all();
                loop {
                    let notification = listener.recv().await?;
                    match notification.payload().parse() {
                        Ok(scanner) => self.ring(scanner),
                        Err(_) => self.ring_all(),
                    }
                }
            };
            let failed: Result<(), mipo_store::StoreError> = tokio::select! {
                failed = heard => failed,
                () = shutdown.stopping() => break,
            };
            if let Err(error) = failed {
                tracing::warn!(%error, "the listener for scan jobs failed; jobs are looked for meanwhile");
            }
            tokio::select! { () = tokio::time::sleep(RETRY) => {}, () = shutdown.stopping() => {} }
        }
    }
}

impl Place<'_> {
    /// Wakes when the bell rings. Make it before looking, so that a ring in between is not missed.
    pub(crate) fn bell(&self) -> Notified<'_> {
        self.notify.notified()
    }

    /// True when a newer call of the scanner has taken the place.
    pub(crate) fn is_lost(&self) -> bool {
        let waiting = self.bell.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.get(&self.scanner).is_some_and(|place| place.calls != self.call)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.bell.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = waiting.get_mut(&self.scanner) {
            place.open -= 1;
        }
    }
}
