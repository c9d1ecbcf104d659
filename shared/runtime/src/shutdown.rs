//! Two-stage shutdown: the first signal asks to finish or hand back, the second means now.
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long work may take to finish before it is abandoned anyway: longer than the 30 s in which the queue drains.
pub const GRACE: Duration = Duration::from_secs(40);

/// Handed to everything that runs. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    stop: CancellationToken,
    now: CancellationToken,
}

impl Shutdown {
    /// A shutdown that only [`Shutdown::stop`] and [`Shutdown::stop_now`] trigger.
    pub fn manual() -> Self {
        Self::default()
    }

    /// A shutdown that SIGINT and SIGTERM trigger: once to stop, twice to stop now. After the first one work has
    /// [`GRACE`] before it is abandoned too.
    pub fn on_signals() -> std::io::Result<Self> {
        let shutdown = Self::default();
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let ours = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            tracing::info!("stopping; another signal stops at once");
            ours.stop();
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = tokio::time::sleep(GRACE) => {}
            }
            ours.stop_now();
        });
        Ok(shutdown)
    }

    /// Cancelled when no new work is to be taken.
    pub const fn token(&self) -> &CancellationToken {
        &self.stop
    }

    /// Cancelled when running work is to be abandoned.
    pub const fn now_token(&self) -> &CancellationToken {
        &self.now
    }

    /// Waits until no new work is to be taken.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// True when no new work is to be taken.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// First stage.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Second stage; implies the first.
    pub fn stop_now(&self) {
        self.stop.cancel();
        self.now.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn now_implies_stop_and_clones_hear_it() {
        let shutdown = Shutdown::manual();
        let other = shutdown.clone();
        assert!(!other.is_stopping());
        shutdown.stop();
        other.stopping().await;
        assert!(!other.now_token().is_cancelled());
        shutdown.stop_now();
        other.now_token().cancelled().await;
    }
}
