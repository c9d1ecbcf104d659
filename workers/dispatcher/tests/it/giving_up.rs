//! Work that no attempt can do ends aloud, and is not asked for again for ever.
use std::time::Duration;

use apalis_core::worker::builder::WorkerBuilder;
use mipo_dispatcher::reconcile;
use mipo_domain::ids::ScanId;
use mipo_queue::payloads::{ConcludeScan, Nothing, PlanScan, StoreResults};
use mipo_queue::{Backoff, Driver, DriverConfig, HandlerError, Kind, NewTask, Outcome, kinds};
use mipo_runtime::{OsEntropy, SystemClock};
use tokio_util::sync::CancellationToken;

use crate::support::{Place, place};
use crate::world::scanner;

const SCAN: &str = "insert into results.scans (template_id, template_name, started_by, requested_at, seed)
  values (gen_random_uuid(), 'nightly', 't', now(), decode(repeat('00', 16), 'hex'))";

/// Of a task that has failed in all attempts but one.
const LAST_ATTEMPT: &str = "update jobs.tasks set attempts = max_attempts - 1, run_at = now(), rank = now()";

/// A round tells of the dead plan, and the next one has nothing to add.
async fn scan_ends_aloud(place: &Place) {
    reconcile::round(&place.world).await;
    reconcile::round(&place.world).await;
    let failed = "select count(*) from results.scans where status = 'failed' and status_reason = 'planning_failed'";
    assert_eq!(place.count(failed).await, 1);
    let told = "select count(*) from config.system_events where type = 'scan_failed' and entity_id = '1'";
    assert_eq!(place.count(told).await, 1);
}

/// `plan_scan`, in a hurry.
static HURRIED: Kind = Kind {
    backoff: Backoff::Steps(&[Duration::from_millis(1)]),
    deadline: Duration::from_millis(20),
    ..kinds::PLAN_SCAN
};

/// Another process, whose handler of `plan_scan` does this; until the task is dead.
async fn plan_with(place: &Place, handler: fn() -> Duration) {
    place.execute(SCAN).await;
    place.enqueue(PlanScan::task(ScanId::from(1), true)).await;
    let stop = CancellationToken::new();
    let config = DriverConfig::new("dispatcher", "other", "0.0.0", &SystemClock, &OsEntropy).by_hand();
    let driver = Driver::start(place.world.db.pool(), config, stop.clone());
    let run = move |_: PlanScan| async move {
        tokio::time::sleep(handler()).await;
        Ok::<_, HandlerError>(Outcome::Done)
    };
    let worker = WorkerBuilder::new("plan_scan").backend(driver.backend::<PlanScan>(&HURRIED)).build(run);
    tokio::spawn(worker.run());
    while place.count("select count(*) from jobs.task_history where status = 'dead'").await == 0 {
        driver.run_until_idle().await.expect("the database answers");
    }
    stop.cancel();
    driver.ended().await;
    let attempts = "select attempts::bigint from jobs.task_history where kind = 'plan_scan'";
    assert_eq!(place.count(attempts).await, i64::from(HURRIED.attempts));
}

#[tokio::test]
async fn a_handler_that_panics_in_every_attempt_ends_dead_and_aloud() {
    let place = place().await;
    plan_with(&place, || panic!("as asked")).await;
    let why = "select count(*) from jobs.task_history where last_error = 'panicked: as asked'";
    assert_eq!(place.count(why).await, 1);
    scan_ends_aloud(&place).await;
    place.end().await;
}

#[tokio::test]
async fn a_handler_that_hangs_in_every_attempt_ends_dead_and_aloud() {
    let place = place().await;
    // Only the last attempt: each is given its grace.
    place.execute("create function public.last() returns trigger language plpgsql as $$ begin new.attempts := 4; return new; end $$;
      create trigger last before insert on jobs.tasks for each row execute function public.last()").await;
    plan_with(&place, || Duration::from_hours(1)).await;
    assert_eq!(place.count("select count(*) from jobs.task_history where last_error like 'deadline:%'").await, 1);
    scan_ends_aloud(&place).await;
    place.end().await;
}

#[tokio::test]
async fn a_payload_that_nobody_can_read_ends_aloud() {
    let place = place().await;
    place.execute(SCAN).await;
    place.enqueue(PlanScan::task(ScanId::from(1), true)).await;
    place.execute("update jobs.tasks set payload = '{\"v\": 1, \"ids\": {\"scanId\": \"x\"}}'").await;
    place.run_tasks().await;
    assert_eq!(
        place.count("select count(*) from jobs.task_history where last_error like 'unreadable payload:%'").await,
        1
    );
    scan_ends_aloud(&place).await;
    place.end().await;
}

#[tokio::test]
async fn of_every_other_kind_too_somebody_is_told_once() {
    let place = place().await;
    place.enqueue(ConcludeScan::task(ScanId::from(7))).await;
    place.enqueue(NewTask::new(&kinds::PRUNE_JOBS, Nothing {})).await;
    place.execute("update jobs.tasks set payload = '{}'").await;
    place.run_tasks().await;
    reconcile::round(&place.world).await;
    reconcile::round(&place.world).await;
    let told = "select count(*) from config.system_events e join jobs.task_history h on h.id::text = e.entity_id
      where e.type = 'task_failed' and e.entity_type = 'task'";
    assert_eq!(place.count(told).await, 2);
    place.end().await;
}

#[tokio::test]
async fn a_scan_that_cannot_be_planned_fails_with_its_last_attempt() {
    // Without SECRETS_KEY nothing can be signed.
    let place = place().await;
    place.execute(SCAN).await;
    place.enqueue(PlanScan::task(ScanId::from(1), true)).await;
    assert_eq!(place.run_tasks().await.len(), 1);
    let pending = "select count(*) from results.scans where status = 'pending'";
    reconcile::round(&place.world).await;
    assert_eq!(place.count(pending).await, 1, "an attempt that is not the last one changes nothing");
    place.execute(LAST_ATTEMPT).await;
    assert_eq!(place.run_tasks().await.len(), 1);
    scan_ends_aloud(&place).await;
    assert_eq!(place.count("select count(*) from config.audit_events where action = 'ended'").await, 1);
    // It has nothing to ask for.
    assert_eq!(place.count("select count(*) from jobs.tasks").await, 0);
    place.end().await;
}

#[tokio::test]
async fn parts_that_cannot_be_stored_are_told_of_and_tried_later() {
    let place = place().await;
    place.execute(SCAN).await;
    place
        .execute(
            "insert into jobs.scan_jobs (scan_id, scanner_id, batch_no, spec, signature, spec_expires_at, scope_hash,
               max_probes_per_second, estimated_seconds, hosts_planned, probes_planned)
             values (1, '00000000-0000-7000-8000-000000000001', 0, 'no spec', decode(repeat('00', 64), 'hex'), now(),
               decode(repeat('00', 32), 'hex'), 0, 0, 1, 10);
             insert into jobs.result_parts (job_id, lease_attempt, seq, scanner_id, from_index, to_index, sha256, payload, payload_bytes)
             select id, 1, 0, scanner_id, 0, 5, decode(repeat('00', 32), 'hex'), 'no part', 7 from jobs.scan_jobs",
        )
        .await;
    place.enqueue(StoreResults::task(scanner(1))).await;
    place.execute(LAST_ATTEMPT).await;
    assert_eq!(place.run_tasks().await.len(), 1);
    reconcile::round(&place.world).await;
    let told = "select count(*) from config.system_events where type = 'parts_not_stored'";
    assert_eq!(place.count(told).await, 1);
    assert_eq!(place.count("select count(*) from jobs.result_parts where payload is not null").await, 1, "it is kept");

    // Every round asks for it; the one that waits stands for all of them.
    reconcile::round(&place.world).await;
    let waits =
        "select count(*) from jobs.tasks where kind = 'store_results' and run_at > now() + interval '9 minutes'";
    assert_eq!(place.count(waits).await, 1);
    assert_eq!(place.count("select count(*) from jobs.tasks where kind = 'store_results'").await, 1);
    assert_eq!(place.count(told).await, 1, "once");
    place.end().await;
}

/// One that cannot be given up is told of all the same, and keeps nobody behind it waiting.
#[tokio::test]
async fn a_dead_task_whose_end_cannot_be_worked_out_stops_no_other() {
    let place = place().await;
    place.execute(SCAN).await;
    place
        .execute(
            "insert into jobs.task_history (id, queue, kind, payload, status, priority, attempts, max_attempts, run_at, unique_key, locked_by, started_at,
               last_error, fingerprint, created_by, created_at, finished_at)
             select jobs.new_task_id(), 'planning', k.kind, '{\"v\": 1, \"ids\": {}}', 'dead', 0, 1, 1, now(), k.key, 1, now(), 'x', 'x', 'test', now(), k.at
             from (values ('plan_scan', 'plan_scan:1', now() - interval '1 minute'), ('prune_events', null, now())) k (kind, key, at);
             revoke update on results.scans from mipo_dispatcher; revoke update (status) on results.scans from mipo_dispatcher",
        )
        .await;
    reconcile::round(&place.world).await;
    let told = "select count(*) from config.system_events where type = 'task_failed'";
    assert_eq!(place.count(told).await, 2);
    assert_eq!(place.count("select count(*) from jobs.task_history where not told").await, 0);
    reconcile::round(&place.world).await;
    assert_eq!(place.count(told).await, 2, "once");
    place.end().await;
}
