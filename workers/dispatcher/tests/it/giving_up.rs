//! Work that no attempt can do ends aloud, and is not asked for again for ever.
use mipo_app::upkeep;
use mipo_domain::ids::ScanId;
use mipo_queue::payloads::{PlanScan, StoreResults};

use crate::support::place;
use crate::world::scanner;

const SCAN: &str = "insert into results.scans (template_id, template_name, started_by, requested_at, seed)
  values (gen_random_uuid(), 'nightly', 't', now(), decode(repeat('00', 16), 'hex'))";

/// Of a task that has failed in all attempts but one.
const LAST_ATTEMPT: &str = "update jobs.tasks set attempts = max_attempts - 1, run_at = now(), rank = now()";

#[tokio::test]
async fn a_scan_that_cannot_be_planned_fails_with_its_last_attempt() {
    // Without SECRETS_KEY nothing can be signed.
    let place = place().await;
    place.execute(SCAN).await;
    place.enqueue(PlanScan::task(ScanId::from(1), true)).await;
    assert_eq!(place.run_tasks().await.len(), 1);
    let pending = "select count(*) from results.scans where status = 'pending'";
    assert_eq!(place.count(pending).await, 1, "an attempt that is not the last one changes nothing");
    place.execute(LAST_ATTEMPT).await;
    assert_eq!(place.run_tasks().await.len(), 1);

    let failed = "select count(*) from results.scans where status = 'failed' and status_reason = 'planning_failed'";
    assert_eq!(place.count(failed).await, 1);
    let told = "select count(*) from config.system_events where type = 'scan_failed' and entity_id = '1'";
    assert_eq!(place.count(told).await, 1);
    assert_eq!(place.count("select count(*) from config.audit_events where action = 'ended'").await, 1);
    // The next round has nothing to ask for.
    let mut tx = place.world.db.tx("test.round").await.expect("begins");
    upkeep::plan_requested(&mut tx).await.expect("looks");
    tx.commit().await.expect("commits");
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
    let told = "select count(*) from config.system_events where type = 'parts_not_stored'";
    assert_eq!(place.count(told).await, 1);
    assert_eq!(place.count("select count(*) from jobs.result_parts where payload is not null").await, 1, "it is kept");

    // Every round asks for it; the one that waits stands for all of them.
    let mut tx = place.world.db.tx("test.round").await.expect("begins");
    upkeep::store_accepted(&mut tx).await.expect("looks");
    tx.commit().await.expect("commits");
    let waits = "select count(*) from jobs.tasks where run_at > now() + interval '9 minutes'";
    assert_eq!(place.count(waits).await, 1);
    assert_eq!(place.count("select count(*) from jobs.tasks").await, 1);
    place.end().await;
}
