//! Hears that tasks were enqueued. It carries no facts: what it misses is found by polling.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::postgres::PgListener;

use super::Shared;
use super::config::Jitter;

const CHANNEL: &str = "mipo_tasks";

pub(super) async fn run(shared: Arc<Shared>) {
    if !shared.config.listen {
        return;
    }
    let mut jitter = Jitter::new(shared.config.seed ^ 2);
    while !shared.is_stopping() {
        tokio::select! {
            () = shared.stopping.cancelled() => break,
            heard = listen(&shared) => if let Err(error) = heard {
                tracing::debug!(%error, "the queue's listener is cut off; polling goes on");
            }
        }
        shared.listening.store(false, Ordering::Relaxed);
        tokio::select! {
            () = shared.stopping.cancelled() => break,
            () = tokio::time::sleep(jitter.around(Duration::from_secs(1))) => {}
        }
    }
    shared.listening.store(false, Ordering::Relaxed);
}

async fn listen(shared: &Shared) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(&shared.pool).await?;
    listener.listen(CHANNEL).await?;
    shared.listening.store(true, Ordering::Relaxed);
    // What came before it listened.
    shared.wake_all();
    loop {
        let Some(notification) = listener.try_recv().await? else {
            // It was cut off and is back; what rang meanwhile is lost.
            shared.wake_all();
            continue;
        };
        // Not a queue: somebody asked for a cancellation or a drain, and renewals tell of those.
        if notification.payload() == "!" {
            shared.renewal.notify_one();
            continue;
        }
        let mut state = shared.state();
        let queue = state.kinds.values().map(|worker| worker.kind.queue).find(|queue| *queue == notification.payload());
        if let Some(queue) = queue {
            state.hungry.insert(queue);
            drop(state);
            shared.work.notify_one();
        }
    }
}
