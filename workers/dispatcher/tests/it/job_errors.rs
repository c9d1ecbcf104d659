//! Every class of job errors opens when its condition really holds, and closes when it is over.
use mipo_app::refusal::Refusal;
use mipo_dispatcher::{Config, World as Dispatcher, reconcile};
use mipo_domain::ids::ScanId;
use mipo_domain::job_errors::Class;
use mipo_protocol::messages::ClaimedJob;
use mipo_protocol::part::{DefaultState, Part};
use mipo_protocol::problem::Code;

use crate::world::{World, parts, scanner, seen};

const OPEN: &str = "select class from jobs.job_errors where resolved_at is null order by class";

/// A scan with one job, planned.
async fn planned(world: &World) -> ScanId {
    let scan = world.ask("10.0.0.1-10.0.0.2", "20-29").await;
    world.run_tasks().await;
    scan
}

async fn running(world: &World) -> (ScanId, ClaimedJob) {
    let scan = planned(world).await;
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    world.begin(scanner(1), &job).await;
    (scan, job)
}

/// A round finds exactly `class`, with its alarm.
async fn opens(world: &World, class: Class) {
    world.reconcile().await;
    world.reconcile().await;
    assert_eq!(world.texts(OPEN).await, [class.as_str()]);
    let told =
        world.texts("select type || ' ' || entity_id from config.system_events where type like 'job_error%'").await;
    assert_eq!(told, [format!("job_error_opened {class}:{}", scanner(1))], "told of once");
    let alarm = "select state || ' ' || severity || ' ' || count from config.alarms where rule = 'job-error'";
    assert_eq!(world.texts(alarm).await, ["open warning 1"]);
    let kept = world.text("select category from jobs.job_errors").await;
    assert_eq!(kept, class.category().as_str());
}

/// A round finds it over, and its alarm with it.
async fn closes(world: &World) {
    world.reconcile().await;
    assert!(world.texts(OPEN).await.is_empty());
    assert_eq!(world.text("select resolved_by from jobs.job_errors").await, "system");
    assert_eq!(world.texts("select state from config.alarms where rule = 'job-error'").await, ["resolved"]);
}

/// The installation with another configuration.
fn configured(world: &World, change: impl FnOnce(&mut Config)) -> Dispatcher {
    let mut config = world.dispatcher.config.clone();
    change(&mut config);
    Dispatcher::new(world.dispatcher.db.clone(), config)
}

async fn with_rules() -> World {
    let world = World::new().await;
    world.seed_alarm_rules().await;
    world
}

#[tokio::test]
async fn no_scanner() {
    let world = with_rules().await;
    let scan = planned(&world).await;
    world.reconcile().await;
    assert!(world.texts(OPEN).await.is_empty(), "nothing is wrong yet");
    world.sql("delete from config.scanners").await;
    opens(&world, Class::NoScanner).await;
    world.control(scan, "cancel").await;
    world.run_tasks().await;
    closes(&world).await;
    world.check().await;
}

#[tokio::test]
async fn failed_scanner_auth_without_a_key() {
    let world = with_rules().await;
    planned(&world).await;
    world.sql("update config.scanners set api_key_hash = null, api_key_prefix = null").await;
    opens(&world, Class::FailedScannerAuth).await;
    world
        .sql("update config.scanners set api_key_hash = decode(repeat('00', 32), 'hex'), api_key_prefix = id::text")
        .await;
    closes(&world).await;
}

#[tokio::test]
async fn failed_scanner_auth_after_five_failed_calls() {
    let world = with_rules().await;
    planned(&world).await;
    for _ in 0..4 {
        world.call_with_a_wrong_key(scanner(1)).await;
    }
    world.reconcile().await;
    assert!(world.texts(OPEN).await.is_empty(), "four may be an accident");
    world.call_with_a_wrong_key(scanner(1)).await;
    opens(&world, Class::FailedScannerAuth).await;
    // Five in an hour are no storm.
    world.sql("update config.scanners set failed_auth_times[5] = now() - interval '6 minutes'").await;
    closes(&world).await;
}

#[tokio::test]
async fn scanner_disabled() {
    let world = with_rules().await;
    planned(&world).await;
    world.sql("update config.scanners set status = 'disabled'").await;
    opens(&world, Class::ScannerDisabled).await;
    world.sql("update config.scanners set status = 'offline'").await;
    closes(&world).await;
}

#[tokio::test]
async fn scanner_ip_changed() {
    let world = with_rules().await;
    planned(&world).await;
    world.sql("update config.scanners set bound_ip = '192.0.2.1'").await;
    world.call_from("192.0.2.9", scanner(1)).await.expect_err("outside its binding");
    opens(&world, Class::ScannerIpChanged).await;
    let from = "select context ->> 'boundIp' || ' ' || (context ->> 'sourceIp') from jobs.job_errors";
    assert_eq!(world.text(from).await, "192.0.2.1 192.0.2.9");
    world.call_from("192.0.2.1", scanner(1)).await.expect("where it should be");
    closes(&world).await;
}

#[tokio::test]
async fn no_heartbeat() {
    let world = with_rules().await;
    running(&world).await;
    world.sql("update config.scanners set last_heartbeat_at = now() - interval '3 minutes'").await;
    world.reconcile().await;
    assert!(world.texts(OPEN).await.is_empty(), "offline, and its lease still holds");
    world.sql("update config.scanners set last_heartbeat_at = now() - interval '5 minutes'").await;
    opens(&world, Class::NoHeartbeat).await;
    // The lease ends; the job still waits for nobody but this scanner.
    world.sql("update jobs.scan_jobs set lease_until = now() - interval '1 second'").await;
    opens(&world, Class::NoHeartbeat).await;
    world.sql("update config.scanners set last_heartbeat_at = now(), status = 'active'").await;
    closes(&world).await;
}

#[tokio::test]
async fn a_silent_scanner_that_has_fetched_nothing_is_no_job_error() {
    let world = with_rules().await;
    planned(&world).await;
    world.sql("update config.scanners set last_heartbeat_at = now() - interval '1 day'").await;
    world.reconcile().await;
    assert!(world.texts(OPEN).await.is_empty(), "the job waits for its return");
}

#[tokio::test]
async fn binary_version_mismatch() {
    let world = with_rules().await;
    planned(&world).await;
    world.sql("update config.scanners set scanner_version = '0.9.12'").await;
    world.reconcile().await;
    assert!(world.texts(OPEN).await.is_empty(), "every version will do");
    let strict = configured(&world, |config| config.min_scanner_version = Some("0.10".parse().expect("a version")));
    reconcile::round(&strict).await;
    assert_eq!(world.texts(OPEN).await, ["binary-version-mismatch"]);
    let seen = "select context ->> 'version' || ' ' || (context ->> 'minVersion') from jobs.job_errors";
    assert_eq!(world.text(seen).await, "0.9.12 0.10.0");
    world.sql("update config.scanners set scanner_version = null").await;
    reconcile::round(&strict).await;
    assert_eq!(world.texts(OPEN).await, ["binary-version-mismatch"], "unknown is not enough either");
    world.sql("update config.scanners set scanner_version = '0.10.1-dev'").await;
    reconcile::round(&strict).await;
    assert!(world.texts(OPEN).await.is_empty());
}

#[tokio::test]
async fn stuck_pending() {
    let world = with_rules().await;
    planned(&world).await;
    world.sql("update jobs.scan_jobs set age_from = now() - interval '14 minutes'").await;
    world.reconcile().await;
    assert!(world.texts(OPEN).await.is_empty());
    world.sql("update jobs.scan_jobs set age_from = now() - interval '16 minutes'").await;
    opens(&world, Class::StuckPending).await;
    assert_eq!(world.claim(scanner(1)).await.len(), 1);
    closes(&world).await;
}

#[tokio::test]
async fn a_job_is_not_stuck_behind_others_of_its_scanner() {
    let world = with_rules().await;
    world.sql("update config.scanners set max_concurrent_jobs = 1").await;
    running(&world).await;
    world.ask("10.0.0.9", "22").await;
    world.run_tasks().await;
    world.sql("update jobs.scan_jobs set age_from = now() - interval '20 minutes', assigned_at = assigned_at - interval '20 minutes'").await;
    world.reconcile().await;
    assert!(world.texts(OPEN).await.is_empty(), "its scanner has no room");
    // Just back, it has not had the time.
    world.sql("update jobs.scan_jobs set status = 'failed', finished_at = now() - interval '20 minutes', lease_until = null where lease_until is not null").await;
    world.sql("update config.scanners set status = 'offline'").await;
    world.beat(scanner(1)).await;
    world.reconcile().await;
    assert!(world.texts(OPEN).await.is_empty());
    world.sql("update config.system_events set at = now() - interval '20 minutes' where type = 'scanner_up'").await;
    world.reconcile().await;
    assert_eq!(world.texts(OPEN).await, ["stuck-pending"]);
}

#[tokio::test]
async fn stuck_running() {
    let world = with_rules().await;
    let (scan, job) = running(&world).await;
    world
        .sql("update jobs.scan_jobs set started_at = now() - interval '1 hour', last_progress_at = now() - interval '4 minutes'")
        .await;
    world.reconcile().await;
    assert!(world.texts(OPEN).await.is_empty(), "it has moved 4 minutes ago");
    world.sql("update jobs.scan_jobs set last_progress_at = now() - interval '6 minutes'").await;
    opens(&world, Class::StuckRunning).await;
    let alarm = "select state || ' ' || severity from config.alarms where rule = 'scan-stuck'";
    assert_eq!(world.texts(alarm).await, ["open high"]);
    world.hand_in(scanner(1), &job, &one_part(&job)).await;
    closes(&world).await;
    assert_eq!(world.texts(alarm).await, ["resolved high"]);
    assert_eq!(world.status(scan).await, "running");
}

#[tokio::test]
async fn a_stuck_job_fails_without_an_operator_only_where_the_setting_says_so() {
    let world = with_rules().await;
    let (scan, job) = running(&world).await;
    world.hand_in(scanner(1), &job, &one_part(&job)).await;
    world
        .sql("update jobs.scan_jobs set started_at = now() - interval '1 hour', last_progress_at = now() - interval '6 minutes'")
        .await;
    opens(&world, Class::StuckRunning).await;
    assert_eq!(world.status(scan).await, "running");
    reconcile::round(&configured(&world, |config| config.progress_timeout_auto_fail = true)).await;
    let ended = "select status || ' ' || error_message from jobs.scan_jobs";
    assert_eq!(world.text(ended).await, "partial stuck-running: ended by a repair: PROGRESS_TIMEOUT_AUTO_FAIL is set");
    let kept = "select repairs -> 0 ->> 'action' || ' ' || (repairs -> 0 ->> 'by') || ' ' || (repairs -> 0 ->> 'state') from jobs.job_errors";
    assert_eq!(world.text(kept).await, "fail dispatcher done");
    world.run_tasks().await;
    closes(&world).await;
    assert_eq!(world.status(scan).await, "partial");
    world.check().await;
}

#[tokio::test]
async fn dispatcher_failure() {
    let world = with_rules().await;
    planned(&world).await;
    for _ in 0..2 {
        assert_eq!(world.claim(scanner(1)).await.len(), 1);
        world.sql("update jobs.scan_jobs set lease_until = now() - interval '1 second'").await;
        world.reconcile().await;
    }
    opens(&world, Class::DispatcherFailure).await;
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    world.begin(scanner(1), &job).await;
    closes(&world).await;
}

#[tokio::test]
async fn expired() {
    let world = with_rules().await;
    planned(&world).await;
    world.sql("update jobs.scan_jobs set age_from = now() - interval '25 hours'").await;
    world.reconcile().await;
    world.run_tasks().await;
    opens(&world, Class::Expired).await;
    assert_eq!(world.text("select status from jobs.scan_jobs").await, "timed_out");
    // Nothing clears by itself: somebody says that they have seen it.
    world.sql("update config.alarms set state = 'acknowledged', acknowledged_at = now(), acknowledged_by = 'ada' where rule = 'job-error'").await;
    closes(&world).await;
    world.reconcile().await;
    assert_eq!(world.text("select count(*)::text from jobs.job_errors").await, "1", "it is not opened again");
    world.check().await;
}

#[tokio::test]
async fn result_submit_failed_after_three_refusals() {
    let world = with_rules().await;
    let (_, job) = running(&world).await;
    let wrong = Part { from_index: 3, ..one_part(&job) };
    for _ in 0..2 {
        let refusal = world.try_hand_in(scanner(1), &job, &wrong).await.expect_err("not the next one");
        assert_eq!(refusal.code, Code::SeqConflict);
    }
    world.reconcile().await;
    assert!(world.texts(OPEN).await.is_empty());
    world.try_hand_in(scanner(1), &job, &wrong).await.expect_err("not the next one");
    opens(&world, Class::ResultSubmitFailed).await;
    world.hand_in(scanner(1), &job, &one_part(&job)).await;
    closes(&world).await;
    world.check().await;
}

#[tokio::test]
async fn result_submit_failed_when_parts_stay_missing() {
    let world = with_rules().await;
    let (_, job) = running(&world).await;
    let refusal: Refusal = world.try_complete(scanner(1), &job, 0).await.expect_err("a part is missing");
    assert_eq!(refusal.code, Code::PartsMissing);
    world.reconcile().await;
    assert!(world.texts(OPEN).await.is_empty());
    world.sql("update jobs.scan_jobs set parts_missing_since = now() - interval '6 minutes'").await;
    opens(&world, Class::ResultSubmitFailed).await;
    world.hand_in(scanner(1), &job, &parts(&job, u64::MAX, 20, &seen(&[], &[]), |_, _| DefaultState::Closed)[0]).await;
    closes(&world).await;
}

#[tokio::test]
async fn scan_deleted() {
    let world = with_rules().await;
    let scan = planned(&world).await;
    world.sql(&format!("update results.scans set status = 'failed', completed_at = now(), open_count = 0, change_count = 0 where id = {scan}")).await;
    opens(&world, Class::ScanDeleted).await;
    world.repair(Class::ScanDeleted, "fail", None).await;
    closes(&world).await;
    assert_eq!(world.text("select status from jobs.scan_jobs").await, "failed");
    world.check().await;
}

#[tokio::test]
async fn scan_deleted_of_a_scan_that_is_gone_altogether() {
    let world = with_rules().await;
    planned(&world).await;
    world.sql("delete from results.scans").await;
    opens(&world, Class::ScanDeleted).await;
    world.repair(Class::ScanDeleted, "fail", None).await;
    closes(&world).await;
    assert_eq!(world.text("select (concluded_at is not null)::text from jobs.scan_jobs").await, "true");
}

#[tokio::test]
async fn target_invalid_in_each_way() {
    for (spoil, flaw) in [
        ("update jobs.scan_jobs set spec = 'no spec'", "unreadable"),
        ("update jobs.scan_jobs set signature = decode(repeat('00', 64), 'hex')", "signature"),
    ] {
        let world = with_rules().await;
        let scan = planned(&world).await;
        world.reconcile().await;
        world.sql(spoil).await;
        opens(&world, Class::TargetInvalid).await;
        assert_eq!(world.text("select context ->> 'flaw' from jobs.job_errors").await, flaw);
        assert!(world.claim(scanner(1)).await.is_empty(), "{flaw}: it is handed to nobody");
        world.sql("update jobs.scan_jobs set resign_requested_at = now()").await;
        world.reconcile().await;
        let signed = "select (resign_requested_at is null)::text from jobs.scan_jobs";
        assert_eq!(world.text(signed).await, "false", "{flaw}: what nobody signed is not signed anew");
        world.repair(Class::TargetInvalid, "fail", None).await;
        closes(&world).await;
        assert_eq!(world.status(scan).await, "failed", "{flaw}");
        world.check().await;
    }
}

#[tokio::test]
async fn target_invalid_when_exclusions_take_everything() {
    let world = with_rules().await;
    let scan = planned(&world).await;
    world.exclude("10.0.0.0/24", "").await;
    opens(&world, Class::TargetInvalid).await;
    assert_eq!(world.text("select context ->> 'flaw' from jobs.job_errors").await, "excluded");
    world.repair(Class::TargetInvalid, "fail", None).await;
    closes(&world).await;
    assert_eq!(world.status(scan).await, "failed");
    world.check().await;
}

#[tokio::test]
async fn rate_limit_exhausted() {
    let world = with_rules().await;
    planned(&world).await;
    world.sql("update config.scanners set rate_limit = 7").await;
    opens(&world, Class::RateLimitExhausted).await;
    world.sql("update config.scanners set rate_limit = 8").await;
    closes(&world).await;
}

#[tokio::test]
async fn a_plan_that_leaves_less_than_a_probe_a_second_says_so_at_its_jobs() {
    let world = with_rules().await;
    world.sql("update config.scanners set rate_limit = 7").await;
    planned(&world).await;
    world.sql("update config.scanners set rate_limit = 0").await;
    opens(&world, Class::RateLimitExhausted).await;
    // Handed out anew, it goes on at one a second, as somebody wanted it.
    world.repair(Class::RateLimitExhausted, "redispatch", None).await;
    closes(&world).await;
    assert_eq!(world.text("select status || ' ' || max_probes_per_second from jobs.scan_jobs").await, "pending 1");
}

#[tokio::test]
async fn what_an_operator_holds_is_left_in_peace() {
    let world = with_rules().await;
    let scan = planned(&world).await;
    world.sql("update config.scanners set status = 'disabled'").await;
    opens(&world, Class::ScannerDisabled).await;
    world.control(scan, "pause").await;
    closes(&world).await;
    world.control(scan, "resume").await;
    world.run_tasks().await;
    world.reconcile().await;
    assert_eq!(world.texts(OPEN).await, ["scanner-disabled"]);
}

fn one_part(job: &ClaimedJob) -> Part {
    parts(job, 6, 6, &seen(&[(1, 22)], &[]), |_, _| DefaultState::Closed).remove(0)
}
