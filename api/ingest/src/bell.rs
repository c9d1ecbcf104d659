//! Who waits for jobs, and what wakes them: `NOTIFY mipo_scan_jobs`, a newer call of the same scanner, or time.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mipo_domain::ids::ScannerId;
use mipo_runtime::Shutdown;
use mipo_store::Db;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

const CHANNEL: &str = "mipo_scan_jobs";
/// After the listener failed.
const RETRY: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Waiting {
    calls: u64,
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
                tracing::warn!(%error, "the listener for scan jobs failed; the long poll looks by itself meanwhile");
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
