//! Keeps what this process holds, and returns what dead processes held.
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::Shared;
use super::config::Jitter;
use crate::context::Stop;
use crate::measures;

/// Renews all leases by one write, on its own timer, also while draining. It is the process's heartbeat too.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut renewed_at = Instant::now();
    loop {
        let known = shared.worker().is_some();
        // A renewal that failed is tried again soon: two and a half intervals fit into a lease.
        let wait = if known { shared.config.renew_every } else { shared.config.renew_every / 5 };
        tokio::select! {
            () = shared.finished.cancelled() => break,
            () = shared.registration.notified() => {
                // Several kinds are added one after the other; one registration says them all.
                tokio::time::sleep(Duration::from_millis(20)).await;
                if let Err(error) = register(&shared).await {
                    tracing::debug!(%error, "cannot register the worker yet");
                }
                continue;
            }
            () = shared.renewal.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
        if shared.worker().is_none() {
            if register(&shared).await.is_ok() {
                renewed_at = Instant::now();
            }
            continue;
        }
        keep(&shared, &mut renewed_at).await;
    }
    let Some(worker) = shared.worker() else { return };
    let stale = i64::try_from(shared.stale.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
    let gone = sqlx::query!("select jobs.unregister_worker($1, $2)", worker, stale).execute(&shared.pool);
    let _ = tokio::time::timeout(Duration::from_secs(2), gone).await;
}

/// Renews until it works. When no renewal has worked for a whole lease, what is held may be somebody else's by now:
/// handlers are stopped, though nobody could say so.
async fn keep(shared: &Shared, renewed_at: &mut Instant) {
    loop {
        let begun = Instant::now();
        match renew(shared).await {
            Ok(()) => {
                *renewed_at = begun;
                return;
            }
            Err(error) => tracing::warn!(%error, "cannot renew the leases"),
        }
        if renewed_at.elapsed() >= shared.config.lease {
            let state = shared.state();
            // What is claimed since then has its lease from its claim.
            for claim in state.held.values().filter(|claim| claim.claimed_at <= *renewed_at) {
                claim.ask_to_stop(Stop::Lost);
            }
        }
        tokio::select! {
            () = shared.finished.cancelled() => return,
            () = tokio::time::sleep(shared.config.renew_every / 10) => {}
        }
    }
}

/// Says who this process is and what it works on, and reads the slots that an operator set.
pub(super) async fn register(shared: &Shared) -> Result<(), sqlx::Error> {
    let (queues, slots) = {
        let state = shared.state();
        let queues = state.queues();
        let slots: usize = queues.iter().map(|queue| state.slots(&shared.config, queue)).sum();
        (queues.into_iter().map(str::to_owned).collect::<Vec<_>>(), slots)
    };
    let config = &shared.config;
    let number = sqlx::query_scalar!(
        r#"select jobs.register_worker($1, $2, $3, $4, $5, $6, $7, $8) as "no!""#,
        config.worker_id,
        config.name,
        config.service,
        config.host,
        i32::try_from(std::process::id()).unwrap_or(0),
        config.version,
        &queues,
        i32::try_from(slots).unwrap_or(i32::MAX)
    )
    .fetch_one(&shared.pool)
    .await?;
    shared.worker.store(number, Ordering::Relaxed);
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
    let Some(worker) = shared.worker() else { return Ok(()) };
    let held: Vec<_> = shared.state().held.values().map(Arc::clone).collect();
    let ids: Vec<Uuid> = held.iter().map(|claim| claim.id).collect();
    let tokens: Vec<Uuid> = held.iter().map(|claim| claim.token).collect();
    let rows = sqlx::query!(
        r#"select token, cancel_requested as "cancel_requested!", drain as "drain!" from
             (select token, coalesce(cancel_requested, false) as cancel_requested, drain from jobs.renew($1, $2, $3, $4, $5)) r"#,
        worker,
        shared.config.lease.as_secs_f64(),
        i64::try_from(shared.stale.load(Ordering::Relaxed)).unwrap_or(i64::MAX),
        &ids,
        &tokens
    )
    .fetch_all(&shared.pool)
    .await?;
    let Some(first) = rows.first() else {
        // The database does not know this worker; what it held is nobody's.
        shared.forget_worker();
        for claim in held {
            claim.ask_to_stop(Stop::Lost);
        }
        return Ok(());
    };
    if shared.draining.swap(first.drain, Ordering::Relaxed) && !first.drain {
        shared.wake_all();
    }
    // By token: after a rescue this very process may hold the same task under another lease.
    let ours: HashMap<Uuid, bool> =
        rows.iter().filter_map(|row| row.token.map(|token| (token, row.cancel_requested))).collect();
    for claim in held {
        match ours.get(&claim.token) {
            Some(true) => claim.ask_to_stop(Stop::Cancelled),
            Some(false) => {}
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
                metrics::counter!(measures::RESCUED).increment(u64::try_from(count).unwrap_or(0));
                tracing::warn!(count, "returned tasks whose worker stopped renewing them");
                shared.wake_all();
            }
            Err(error) => tracing::debug!(%error, "cannot look for expired leases"),
        }
    }
}
