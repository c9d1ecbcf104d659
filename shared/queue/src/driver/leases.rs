//! Keeps what this process holds, and returns what dead processes held.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use uuid::Uuid;

use super::Shared;
use super::config::Jitter;
use crate::context::Stop;

/// Renews all leases in one statement, on its own timer, also while draining. It is the process's heartbeat too.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut registered = false;
    loop {
        if !registered {
            registered = match register(&shared).await {
                Ok(()) => true,
                Err(error) => {
                    tracing::debug!(%error, "cannot register the worker yet");
                    false
                }
            };
        }
        // A renewal that failed is tried again soon: two and a half intervals fit into a lease.
        let wait = if registered { shared.config.renew_every } else { shared.config.renew_every / 5 };
        tokio::select! {
            () = shared.finished.cancelled() => break,
            () = shared.registration.notified() => {
                registered = false;
                // Several kinds are added one after the other; one registration says them all.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            () = tokio::time::sleep(wait) => {}
        }
        if let Err(error) = renew(&shared).await {
            tracing::warn!(%error, "cannot renew the leases");
            let mut left = 5;
            while left > 0 && !shared.finished.is_cancelled() {
                tokio::time::sleep(shared.config.renew_every / 10).await;
                left = if renew(&shared).await.is_ok() { 0 } else { left - 1 };
            }
        }
    }
    let stale = i64::try_from(shared.stale.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
    let gone =
        sqlx::query!("select jobs.unregister_worker($1, $2)", shared.config.worker_id, stale).execute(&shared.pool);
    let _ = tokio::time::timeout(Duration::from_secs(2), gone).await;
}

async fn register(shared: &Shared) -> Result<(), sqlx::Error> {
    let (queues, slots) = {
        let state = shared.state();
        let queues = state.queues();
        let slots: usize = queues.iter().map(|queue| state.slots(&shared.config, queue)).sum();
        (queues.into_iter().map(str::to_owned).collect::<Vec<_>>(), slots)
    };
    let config = &shared.config;
    sqlx::query!(
        "select jobs.register_worker($1, $2, $3, $4, $5, $6, $7, $8)",
        config.worker_id,
        config.name,
        config.service,
        config.host,
        i32::try_from(std::process::id()).unwrap_or(0),
        config.version,
        &queues,
        i32::try_from(slots).unwrap_or(i32::MAX)
    )
    .execute(&shared.pool)
    .await?;
    read_slots(shared).await
}

/// The slots that an operator set.
async fn read_slots(shared: &Shared) -> Result<(), sqlx::Error> {
    let rows = sqlx::query!("select name, concurrency from jobs.queues").fetch_all(&shared.pool).await?;
    let slots = rows.into_iter().map(|row| (row.name, usize::try_from(row.concurrency).unwrap_or(1))).collect();
    shared.state().slots = slots;
    Ok(())
}

async fn renew(shared: &Shared) -> Result<(), sqlx::Error> {
    let held: Vec<_> = shared.state().held.values().map(Arc::clone).collect();
    let ids: Vec<Uuid> = held.iter().map(|claim| claim.id).collect();
    let tokens: Vec<Uuid> = held.iter().map(|claim| claim.token).collect();
    let rows = sqlx::query!(
        r#"select id as "id!", cancel_requested as "cancel_requested!" from jobs.renew($1, $2, $3, $4, $5, $6)"#,
        shared.config.worker_id,
        shared.config.lease.as_secs_f64(),
        i32::try_from(held.len()).unwrap_or(i32::MAX),
        i64::try_from(shared.stale.load(Ordering::Relaxed)).unwrap_or(i64::MAX),
        &ids,
        &tokens
    )
    .fetch_all(&shared.pool)
    .await?;
    for claim in held {
        match rows.iter().find(|row| row.id == claim.id) {
            Some(row) if row.cancel_requested => claim.ask_to_stop(Stop::Cancelled),
            Some(_) => {}
            // Acknowledged between the snapshot and the statement, or lost: the first has no handler any more.
            None => claim.ask_to_stop(Stop::Lost),
        }
    }
    read_slots(shared).await
}

/// Returns tasks of processes that stopped renewing.
pub(super) async fn rescue(shared: Arc<Shared>) {
    let mut jitter = Jitter::new(shared.config.seed ^ 3);
    loop {
        tokio::select! {
            () = shared.finished.cancelled() => return,
            () = tokio::time::sleep(jitter.around(shared.config.rescue_every)) => {}
        }
        match sqlx::query_scalar!(r#"select jobs.rescue() as "count!""#).fetch_one(&shared.pool).await {
            Ok(0) => {}
            Ok(count) => {
                metrics::counter!("mipo_queue_rescued_total").increment(u64::try_from(count).unwrap_or(0));
                tracing::warn!(count, "returned tasks whose worker stopped renewing them");
                shared.wake_all();
            }
            Err(error) => tracing::debug!(%error, "cannot look for expired leases"),
        }
    }
}
