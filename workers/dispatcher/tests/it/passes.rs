//! What the passes mend: dead scanners, lost tasks, missed steps.
use mipo_domain::states::JobStatus;
use mipo_protocol::part::DefaultState;

use crate::world::{World, parts, scanner, seen};

const JOB: &str =
    "select status || ' ' || resume_index || ' ' || failed_leases || ' ' || unstarted_leases from jobs.scan_jobs";

#[tokio::test]
async fn with_every_queue_emptied_at_every_step_a_scan_still_gets_to_its_end() {
    let world = World::new().await;
    let scan = world.ask("10.0.0.1-10.0.0.2", "20-29").await;
    world.lose_tasks().await;
    world.reconcile().await;
    world.run_tasks().await;
    let job = world.claim(scanner(1)).await.pop().expect("planned although its task was lost");
    world.begin(scanner(1), &job).await;
    let sent = parts(&job, u64::MAX, 9, &seen(&[(2, 25)], &[]), |_, _| DefaultState::Closed);
    for part in &sent {
        world.hand_in(scanner(1), &job, part).await;
    }
    world.lose_tasks().await;
    world.reconcile().await;
    world.run_tasks().await;
    assert_eq!(
        world.text("select count(*)::text from results.open_observations").await,
        "1",
        "stored although its task was lost"
    );
    world.complete(scanner(1), &job, sent.len() as i64 - 1).await;
    world.lose_tasks().await;
    world.reconcile().await;
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "completed");
    world.check().await;
}

#[tokio::test]
async fn the_job_of_a_dead_scanner_goes_back_and_on_where_it_stopped() {
    let world = World::new().await;
    let scan = world.ask("10.0.0.1-10.0.0.2", "20-29").await;
    world.run_tasks().await;
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    world.begin(scanner(1), &job).await;
    let verdict = seen(&[(1, 22), (2, 25)], &[]);
    world.hand_in(scanner(1), &job, &parts(&job, 6, 6, &verdict, |_, _| DefaultState::Closed)[0]).await;
    world.reconcile().await;
    assert_eq!(world.text(JOB).await, "running 6 0 0", "its lease still holds");
    world.sql("update jobs.scan_jobs set lease_until = now() - interval '1 second'").await;
    world.reconcile().await;
    assert_eq!(world.text(JOB).await, "pending 6 1 0");
    world.claim(scanner(1)).await;
    world.sql("update jobs.scan_jobs set lease_until = now() - interval '1 second'").await;
    world.reconcile().await;
    assert_eq!(world.text(JOB).await, "pending 6 2 1", "handed out and not started");
    assert_eq!(world.scan_all(scanner(1), verdict).await, [JobStatus::Completed]);
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "completed");
    assert_eq!(world.text("select open_count::text from results.scans").await, "2");
    world.check().await;
}

#[tokio::test]
async fn a_paused_scan_waits_and_a_resumed_one_is_signed_anew() {
    let world = World::new().await;
    let scan = world.ask("10.0.0.1", "20-29").await;
    world.run_tasks().await;
    world.control(scan, "pause").await;
    assert!(world.claim(scanner(1)).await.is_empty());
    assert_eq!(world.text(JOB).await, "paused 0 0 0");
    world.control(scan, "resume").await;
    world.run_tasks().await;
    assert_eq!(world.text(JOB).await, "pending 0 0 0", "signed anew by the task of the resume");

    // A leased job is told by its next call; here its scanner dies instead.
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    world.begin(scanner(1), &job).await;
    world.control(scan, "pause").await;
    world.sql("update jobs.scan_jobs set lease_until = now() - interval '1 second'").await;
    world.reconcile().await;
    assert_eq!(world.text(JOB).await, "paused 0 1 0");
    world.control(scan, "resume").await;
    world.lose_tasks().await;
    world.reconcile().await;
    assert_eq!(world.text("select status || ' ' || min_attempt from jobs.scan_jobs").await, "pending 2");
    world.scan_all(scanner(1), seen(&[(1, 22)], &[])).await;
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "completed");
    world.check().await;
}

#[tokio::test]
async fn a_scan_paused_before_its_plan_is_planned_when_it_goes_on() {
    let world = World::new().await;
    let scan = world.ask("10.0.0.1", "22").await;
    world.control(scan, "pause").await;
    world.run_tasks().await;
    assert_eq!(world.text("select count(*)::text from jobs.scan_jobs").await, "0");
    world.control(scan, "resume").await;
    world.run_tasks().await;
    assert_eq!(world.text("select count(*)::text from jobs.scan_jobs").await, "1");
}

#[tokio::test]
async fn a_cancelled_scan_ends_with_its_last_lease_and_keeps_what_it_found() {
    let world = World::new().await;
    let unplanned = world.ask("10.0.0.9", "22").await;
    world.control(unplanned, "cancel").await;
    world.run_tasks().await;
    assert_eq!(world.status(unplanned).await, "cancelled");

    let scan = world.ask("10.0.0.1", "20-29").await;
    world.run_tasks().await;
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    world.begin(scanner(1), &job).await;
    let everything_open = |_| mipo_protocol::part::Verdict::Open;
    world.hand_in(scanner(1), &job, &parts(&job, 4, 4, &everything_open, |_, _| DefaultState::Closed)[0]).await;
    world.control(scan, "cancel").await;
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "cancelling", "the lease still holds");
    world
        .sql("update jobs.scan_jobs set lease_until = now() - interval '1 second' where lease_until is not null")
        .await;
    world.reconcile().await;
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "cancelled");
    assert_eq!(world.text("select count(*)::text from results.port_current").await, "4");
    world.check().await;
}

#[tokio::test]
async fn a_job_that_is_too_old_times_out_and_its_scan_with_it() {
    let world = World::new().await;
    let scan = world.ask("10.0.0.1", "20-29").await;
    world.run_tasks().await;
    world.reconcile().await;
    assert_eq!(world.text(JOB).await, "pending 0 0 0");
    world.sql("update jobs.scan_jobs set age_from = now() - interval '25 hours'").await;
    world.reconcile().await;
    world.run_tasks().await;
    assert_eq!(
        world.text("select status || ' ' || error_message from jobs.scan_jobs").await,
        "timed_out expired: not done within 1440 minutes"
    );
    assert_eq!(
        world.text(&format!("select status || ' ' || status_reason from results.scans where id = {scan}")).await,
        "failed 1 of 1 jobs did not complete, 1 timed out"
    );
    world.check().await;
}

#[tokio::test]
async fn a_signature_that_ends_soon_is_made_anew() {
    let world = World::new().await;
    world.ask("10.0.0.1", "22").await;
    world.run_tasks().await;
    world.sql("update jobs.scan_jobs set spec_expires_at = now() + interval '30 minutes'").await;
    world.reconcile().await;
    assert_eq!(
        world.text("select (spec_expires_at > now() + interval '23 hours')::text || ' ' || status || ' ' || min_attempt from jobs.scan_jobs").await,
        "true pending 1"
    );
    assert_eq!(world.scan_all(scanner(1), seen(&[], &[])).await, [JobStatus::Completed]);
}

#[tokio::test]
async fn a_silent_scanner_is_offline_once() {
    let world = World::new().await;
    world.reconcile().await;
    assert_eq!(world.text("select status from config.scanners").await, "active");
    world.sql("update config.scanners set last_heartbeat_at = now() - interval '3 minutes'").await;
    world.reconcile().await;
    world.reconcile().await;
    assert_eq!(world.text("select status from config.scanners").await, "offline");
    assert_eq!(world.text("select count(*)::text from config.system_events where type = 'scanner_down'").await, "1");
}

#[tokio::test]
async fn a_job_that_keeps_losing_its_lease_is_told_of_and_goes_on_when_it_is_resumed() {
    let world = World::new().await;
    world.sql("insert into config.alarm_rules (name, description, severity, trigger_event, resolve_event) values ('scan-stuck', '', 'high', 'scan_stuck', 'scan_recovered') on conflict do nothing").await;
    let scan = world.ask("10.0.0.1", "20-29").await;
    world.run_tasks().await;
    for _ in 0..5 {
        assert_eq!(world.claim(scanner(1)).await.len(), 1);
        world.sql("update jobs.scan_jobs set lease_until = now() - interval '1 second'").await;
        world.reconcile().await;
    }
    assert!(world.claim(scanner(1)).await.is_empty(), "not by itself any more");
    let alarm = "select state || ' ' || entity_id || ' ' || count from config.alarms where rule = 'scan-stuck'";
    assert_eq!(world.text(alarm).await, format!("open {scan} 1"));
    world.control(scan, "pause").await;
    world.control(scan, "resume").await;
    world.run_tasks().await;
    world.reconcile().await;
    assert_eq!(world.text(alarm).await, format!("resolved {scan} 1"));
    world.scan_all(scanner(1), seen(&[], &[])).await;
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "completed");
}

#[tokio::test]
async fn a_scanner_that_keeps_losing_its_memory_is_told_of_too() {
    let world = World::new().await;
    world.sql("insert into config.alarm_rules (name, description, severity, trigger_event, resolve_event) values ('scan-stuck', '', 'high', 'scan_stuck', 'scan_recovered') on conflict do nothing").await;
    let scan = world.ask("10.0.0.1", "20-29").await;
    world.run_tasks().await;
    for attempt in 1..=5 {
        let job = world.claim_as(scanner(1), 8, true).await.pop().expect("a job");
        assert_eq!(job.lease_attempt, attempt);
        world.begin(scanner(1), &job).await;
    }
    assert!(world.claim_as(scanner(1), 8, true).await.is_empty(), "five were lost");
    assert_eq!(world.text(JOB).await, "pending 0 5 0");
    world.reconcile().await;
    world.reconcile().await;
    let alarm = "select state || ' ' || entity_id || ' ' || count from config.alarms where rule = 'scan-stuck'";
    assert_eq!(world.text(alarm).await, format!("open {scan} 1"));
    assert_eq!(
        world
            .text("select count(*)::text from jobs.scan_jobs, jsonb_array_elements(attempts) a where a ? 'lostAt'")
            .await,
        "5",
        "each attempt says how it ended"
    );
}

#[tokio::test]
async fn scans_take_turns_at_a_scanner() {
    let world = World::new().await;
    let first = world.ask("10.0.0.0/24", "1-4000").await;
    let second = world.ask("10.0.1.0/24", "1-4000").await;
    world.run_tasks().await;
    let mut turns = Vec::new();
    for _ in 0..4 {
        let job = world.claim_as(scanner(1), 1, false).await.pop().expect("a job");
        turns.push(world.text(&format!("select scan_id::text from jobs.scan_jobs where id = {}", job.job_id)).await);
    }
    let (first, second) = (first.to_string(), second.to_string());
    assert_eq!(turns, [first.clone(), second.clone(), first, second]);
}

#[tokio::test]
async fn a_job_that_starts_beside_a_pause_leaves_a_scan_that_goes_on_as_running() {
    let world = World::new().await;
    let scan = world.ask("10.0.0.1", "20-29").await;
    world.run_tasks().await;
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    world.control(scan, "pause").await;
    world.begin(scanner(1), &job).await;
    assert_eq!(world.status(scan).await, "paused");
    world.control(scan, "resume").await;
    assert_eq!(world.status(scan).await, "running");
}

#[tokio::test]
async fn a_scan_whose_last_job_ends_beside_its_pause_ends_too() {
    let world = World::new().await;
    let scan = world.ask("10.0.0.1", "20-29").await;
    world.run_tasks().await;
    let job = world.claim(scanner(1)).await.pop().expect("a job");
    world.begin(scanner(1), &job).await;
    world.control(scan, "pause").await;
    let sent = parts(&job, u64::MAX, 10, &seen(&[], &[]), |_, _| DefaultState::Closed);
    world.hand_in(scanner(1), &job, &sent[0]).await;
    assert_eq!(world.complete(scanner(1), &job, 0).await, JobStatus::Completed);
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "completed");
    world.check().await;
}

#[tokio::test]
async fn a_scan_that_nobody_resumes_is_cancelled_after_a_week() {
    let world = World::new().await;
    let scan = world.ask("10.0.0.1", "20-29").await;
    world.run_tasks().await;
    world.control(scan, "pause").await;
    world.reconcile().await;
    assert_eq!(world.status(scan).await, "paused");
    world.sql("update results.scans set paused_at = now() - interval '8 days'").await;
    world.reconcile().await;
    world.run_tasks().await;
    assert_eq!(world.status(scan).await, "cancelled");
    world.check().await;
}

#[tokio::test]
async fn an_exclusion_made_later_stands_in_the_signed_list_of_jobs_that_wait() {
    let world = World::new().await;
    for target in ["10.0.0.0/24", "10.0.1.0/24"] {
        world.ask(target, "22").await;
    }
    world.run_tasks().await;
    world.exclude("10.0.1.128/25", "").await;
    let asked = "select count(*)::text from jobs.scan_jobs where resign_requested_at is not null";
    assert_eq!(world.text(asked).await, "1", "the other job does not meet it");
    world.reconcile().await;
    assert_eq!(world.text(asked).await, "0");
    let listed =
        "select (convert_from(spec, 'UTF8')::jsonb -> 'exclusions')::text from jobs.scan_jobs order by scan_id";
    assert_eq!(world.texts(listed).await, ["[]", r#"[{"cidr": "10.0.1.128/25", "ports": []}]"#]);
    assert_eq!(world.claim(scanner(1)).await.len(), 2, "both may be handed out");
}

#[tokio::test]
async fn the_reconciler_hears_the_bell() {
    let world = World::new().await;
    let stop = tokio_util::sync::CancellationToken::new();
    let listening = tokio::spawn(mipo_dispatcher::reconcile::listen(world.dispatcher.clone(), stop.clone()));
    let scan = world.ask("10.0.0.1", "22").await;
    world.run_tasks().await;
    // It may have begun to listen after the job was made: a resumed job rings again.
    let rung = async {
        loop {
            world.control(scan, "pause").await;
            world.control(scan, "resume").await;
            tokio::select! {
                () = world.dispatcher.rung() => return,
                () = tokio::time::sleep(std::time::Duration::from_millis(200)) => {}
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), rung).await.expect("rings");
    stop.cancel();
    listening.await.expect("ends");
}
