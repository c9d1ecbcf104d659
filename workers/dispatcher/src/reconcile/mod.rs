//! Passes that hold the state of scans true from what the tables say alone. They take no input and are safe to
//! repeat: with every queue emptied, mipo still gets everywhere.
//!
//! A pass is a file `what_it_holds_true.rs` with `pub async fn run(world: &World) -> Result<(), HandlerError>` and a
//! line in [`PASSES`], in the order in which a round runs them.
mod controls_reach_jobs;
mod dead_tasks_are_told;
mod job_errors_are_found;
mod jobs_are_concluded;
mod jobs_have_an_age;
mod leases_end;
mod parts_are_stored;
mod pauses_end;
mod scanners_are_heard;
mod scans_are_planned;
mod signing_key_exists;
mod specs_are_fresh;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use mipo_queue::HandlerError;
use mipo_store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::World;

/// One pass: its name, and what it does.
type Pass = (&'static str, for<'w> fn(&'w World) -> BoxFuture<'w, Result<(), HandlerError>>);

/// All passes, in order.
static PASSES: &[Pass] = &[
    ("signing_key_exists", |world| Box::pin(signing_key_exists::run(world))),
    ("leases_end", |world| Box::pin(leases_end::run(world))),
    ("scanners_are_heard", |world| Box::pin(scanners_are_heard::run(world))),
    ("jobs_have_an_age", |world| Box::pin(jobs_have_an_age::run(world))),
    ("pauses_end", |world| Box::pin(pauses_end::run(world))),
    ("controls_reach_jobs", |world| Box::pin(controls_reach_jobs::run(world))),
    ("specs_are_fresh", |world| Box::pin(specs_are_fresh::run(world))),
    // After those that mend what needs nobody.
    ("job_errors_are_found", |world| Box::pin(job_errors_are_found::run(world))),
    // Before those that would ask for the same again.
    ("dead_tasks_are_told", |world| Box::pin(dead_tasks_are_told::run(world))),
    ("scans_are_planned", |world| Box::pin(scans_are_planned::run(world))),
    ("parts_are_stored", |world| Box::pin(parts_are_stored::run(world))),
    ("jobs_are_concluded", |world| Box::pin(jobs_are_concluded::run(world))),
];

/// What rings.
const CHANNEL: &str = "mipo_scan_jobs";

/// A round at least so often.
const EVERY: Duration = Duration::from_secs(10);

/// However often the bell rings, rounds are so far apart.
const BREATH: Duration = Duration::from_secs(1);

/// A pass that takes longer hangs; the next round tries it again.
const PASS_TIMEOUT: Duration = Duration::from_mins(1);

/// Rounds until `term` ends.
pub async fn run(world: Arc<World>, term: CancellationToken) {
    loop {
        tokio::select! {
            () = term.cancelled() => return,
            () = round(&world) => {}
        }
        tokio::select! {
            () = term.cancelled() => return,
            () = tokio::time::sleep(BREATH) => {}
        }
        tokio::select! {
            () = term.cancelled() => return,
            () = world.rung() => {}
            () = tokio::time::sleep(EVERY.saturating_sub(BREATH)) => {}
        }
    }
}

/// Rings for a round whenever a job waits for a scanner or a signature, until `term` ends. A bell that is not heard costs
/// nothing but time: rounds come by themselves too.
pub async fn listen(world: Arc<World>, term: CancellationToken) {
    loop {
        let heard = async {
            let mut listener = world.db.listener(&[CHANNEL]).await?;
            loop {
                listener.recv().await?;
                world.ring();
            }
        };
        let failed: Result<(), StoreError> = tokio::select! {
            failed = heard => failed,
            () = term.cancelled() => return,
        };
        if let Err(error) = failed {
            tracing::warn!(%error, "the bell of the reconciler is not heard; rounds come by themselves meanwhile");
        }
        tokio::select! { () = tokio::time::sleep(BREATH) => {}, () = term.cancelled() => return }
    }
}

/// One round. A pass that fails does not keep the others from running.
pub async fn round(world: &World) {
    for (name, pass) in PASSES {
        match tokio::time::timeout(PASS_TIMEOUT, pass(world)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(pass = name, ?error, "a reconcile pass failed"),
            Err(_) => tracing::warn!(pass = name, "a reconcile pass hangs"),
        }
    }
}
