//! Claiming, working, handing back.
use std::sync::Arc;

use mipo_domain::clock::Clock as _;
use mipo_protocol::messages::ClaimedJob;
use mipo_protocol::spec::Admission;
use serde_json::json;

use crate::world::{World, closed, open};

#[tokio::test]
async fn a_job_goes_from_pending_to_completed() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (scan, job) = world.job(&north, "10.0.0.1-10.0.0.4", &[(22, 22), (80, 81)]).await;
    let claimed = world.get(&north, "/scanner/jobs?wait=0&max=8&holding=").await.good();
    let claimed: Vec<ClaimedJob> = serde_json::from_value(claimed).expect("jobs");
    let claim = &claimed[0];
    assert_eq!((claim.job_id, claim.lease_attempt, claim.lease_seconds, claim.resume_index), (job, 1, 60, 0));
    // What the scanner does with it: verify the bytes, then believe only them.
    let spec = claim.signed_spec().verify(&[world.signer.public()]).expect("verifies");
    let admission = Admission {
        scanner_id: north.id,
        now: world.clock.now(),
        job_id: claim.job_id,
        lease_attempt: claim.lease_attempt,
        remembered_attempt: None,
    };
    assert_eq!(spec.admit(&admission), Ok(()));
    let start = world.post(&north, &format!("/scanner/jobs/{job}/start"), &json!({ "leaseAttempt": 1 })).await.good();
    assert_eq!(start, json!({ "leaseSeconds": 300, "directive": "continue" }));
    assert_eq!(world.text("select status from results.scans").await, "running");
    let running = json!([{ "jobId": job, "leaseAttempt": 1 }]);
    for late in [900, 300, 20] {
        world.post(&north, "/scanner/heartbeat", &json!({ "lateMs": late, "runningJobs": running })).await.good();
    }
    let attempt =
        "select (attempts -> 0 ? 'startedAt')::text || ' ' || (attempts -> 0 ->> 'lateMs') from jobs.scan_jobs";
    assert_eq!(world.text(attempt).await, "true 900", "for the receipt");
    let progress = json!({ "leaseAttempt": 1, "probedIndex": 5, "resultCount": 0 });
    let answer = world.post(&north, &format!("/scanner/jobs/{job}/progress"), &progress).await.good();
    assert_eq!((&answer["leaseSeconds"], &answer["directive"]), (&json!(300), &json!("continue")));
    let space = spec.index_space().expect("space");
    let probe = space.probe_at(3).expect("a probe");
    let mut part = closed(1, 0, 0, 8);
    part.hosts.push(open(&probe.ip.to_string(), probe.port, world.clock.now()));
    let answer = world.hand_in(&north, job, &part).await.good();
    assert_eq!((&answer["accepted"], &answer["nextSeq"]), (&json!(true), &json!(1)));
    world.hand_in(&north, job, &closed(1, 1, 8, 12)).await.good();
    let complete =
        json!({ "leaseAttempt": 1, "status": "completed", "resultCount": 1, "lastSeq": 1, "probesAttempted": 12 });
    let path = format!("/scanner/jobs/{job}/complete");
    assert_eq!(world.post(&north, &path, &complete).await.good(), json!({ "finalStatus": "completed" }));
    assert_eq!(world.post(&north, &path, &complete).await.good(), json!({ "finalStatus": "completed" }), "repeated");
    let counters = world.text("select concat_ws(' ', status, resume_index, probes_attempted, result_count, error_count) from jobs.scan_jobs").await;
    assert_eq!(counters, "completed 12 12 1 0");
    let tasks = world.text("select string_agg(kind, ' ' order by kind) from jobs.tasks").await;
    assert_eq!(tasks, "conclude_job store_results");
    assert_eq!(world.number("select count(*) from jobs.result_parts where stored_at is null").await, 2);
    let after = world.post(&north, &format!("/scanner/jobs/{job}/start"), &json!({ "leaseAttempt": 1 })).await;
    assert_eq!(after.refusal(), "JOB_ENDED");
    assert!(scan.get() > 0);
}

#[tokio::test]
async fn a_waiting_call_is_answered_when_a_job_appears() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let listening = tokio::spawn(Arc::clone(&world.ingest).listen());
    let waiting = world.get(&north, "/scanner/jobs?wait=20&max=1");
    let making = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        world.job(&north, "10.0.0.1", &[(22, 22)]).await
    };
    let (answer, (_, job)) = tokio::join!(waiting, making);
    assert_eq!(answer.good()[0]["jobId"], job.get());
    world.shutdown.stop();
    listening.await.expect("ends with the shutdown");
}

#[tokio::test]
async fn a_job_that_nobody_rang_for_is_found_before_the_wait_is_over() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    // As if the listener had been away at that moment.
    world.run("alter table jobs.scan_jobs disable trigger user").await;
    let listening = tokio::spawn(Arc::clone(&world.ingest).listen());
    let started = std::time::Instant::now();
    let waiting = world.get(&north, "/scanner/jobs?wait=25&max=1");
    let making = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        world.job(&north, "10.0.0.1", &[(22, 22)]).await
    };
    let (answer, (_, job)) = tokio::join!(waiting, making);
    assert_eq!(answer.good()[0]["jobId"], job.get());
    assert!(started.elapsed().as_secs() < 24, "it was found by the look, not at the end of the wait");
    world.shutdown.stop();
    listening.await.expect("ends with the shutdown");
}

#[tokio::test]
async fn a_second_waiting_call_takes_the_place_of_the_first() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let first = world.get(&north, "/scanner/jobs?wait=25");
    let second = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        world.get(&north, "/scanner/jobs?wait=0").await.good();
        world.get(&north, "/scanner/jobs?wait=1").await.good()
    };
    let started = std::time::Instant::now();
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.good(), second), (json!([]), json!([])));
    assert!(started.elapsed().as_secs() < 20, "the first call gave up its place");
}

#[tokio::test]
async fn what_is_not_held_any_more_is_handed_out_again() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (_, job) = world.job(&north, "10.0.0.1", &[(1, 10)]).await;
    let attempt = world.started(&north).await;
    world.hand_in(&north, job, &closed(attempt, 0, 0, 4)).await.good();
    assert_eq!(world.get(&north, &format!("/scanner/jobs?holding={job}:{attempt}")).await.good(), json!([]));
    // The scanner has lost its memory: the job goes on where the last accepted part ended.
    let again = world.get(&north, "/scanner/jobs").await.good();
    assert_eq!((&again[0]["resumeIndex"], &again[0]["leaseAttempt"]), (&json!(4), &json!(2)));
    let stale = world.hand_in(&north, job, &closed(attempt, 1, 4, 10)).await;
    assert_eq!(stale.refusal(), "LEASE_LOST");
    world.post(&north, &format!("/scanner/jobs/{job}/start"), &json!({ "leaseAttempt": 2 })).await.good();
    world.hand_in(&north, job, &closed(2, 0, 4, 10)).await.good();
    let release = json!({ "leaseAttempt": 2, "probedIndex": 10, "reason": "shutdown" });
    assert_eq!(world.post(&north, &format!("/scanner/jobs/{job}/release"), &release).await.good(), json!({}));
    assert_eq!(
        world.text("select concat_ws(' ', status, failed_leases, resume_index) from jobs.scan_jobs").await,
        "pending 0 10"
    );
    let attempt = world.started(&north).await;
    let complete = json!({ "leaseAttempt": attempt, "status": "completed", "resultCount": 0, "lastSeq": -1, "probesAttempted": 0 });
    let answer = world.post(&north, &format!("/scanner/jobs/{job}/complete"), &complete).await.good();
    assert_eq!(answer["finalStatus"], "completed");
}

#[tokio::test]
async fn parallel_claims_never_exceed_the_limit_of_the_scanner() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    world.run("update config.scanners set max_concurrent_jobs = 1").await;
    for _ in 0..4 {
        world.job(&north, "10.0.0.1", &[(22, 22)]).await;
    }
    // Each lists what it could hold, so that none takes the other's job for lost.
    let held = "/scanner/jobs?max=8&holding=1:1,2:1,3:1,4:1";
    let (a, b, c) = tokio::join!(world.get(&north, held), world.get(&north, held), world.get(&north, held));
    let count: usize = [a, b, c].iter().map(|reply| reply.good().as_array().expect("a list").len()).sum();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn pause_and_cancel_reach_the_scanner_as_directives() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (_, job) = world.job(&north, "10.0.0.1", &[(1, 10)]).await;
    let attempt = world.started(&north).await;
    let progress = json!({ "leaseAttempt": attempt, "probedIndex": 1, "resultCount": 0 });
    let directive = async || {
        world.post(&north, &format!("/scanner/jobs/{job}/progress"), &progress).await.good()["directive"].clone()
    };
    world.run("update jobs.scan_jobs set hold_reasons = '{operator}'").await;
    assert_eq!(directive().await, "pause");
    world.run("update jobs.scan_jobs set hold_reasons = '{}'").await;
    world.run("update results.scans set status = 'cancelling'").await;
    assert_eq!(directive().await, "stop");
    let running =
        json!({ "runningJobs": [{ "jobId": job, "leaseAttempt": attempt }, { "jobId": 999_999, "leaseAttempt": 1 }] });
    let beat = world.post(&north, "/scanner/heartbeat", &running).await.good();
    assert_eq!(
        beat["directives"],
        json!([{ "jobId": job, "directive": "stop" }, { "jobId": 999_999, "directive": "stop" }])
    );
    let release = json!({ "leaseAttempt": attempt, "probedIndex": 1, "reason": "told to stop" });
    world.post(&north, &format!("/scanner/jobs/{job}/release"), &release).await.good();
    assert_eq!(world.text("select status from jobs.scan_jobs").await, "cancelled");
    assert_eq!(world.number("select count(*) from jobs.tasks where kind = 'conclude_job'").await, 1);
}

#[tokio::test]
async fn what_was_not_started_cannot_be_complete() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (_, job) = world.job(&north, "10.0.0.1", &[(1, 10)]).await;
    let attempt = world.started(&north).await;
    world.hand_in(&north, job, &closed(attempt, 0, 0, 10)).await.good();
    // Everything is accepted, but the scanner has lost its memory and gets the job again.
    let again = world.get(&north, "/scanner/jobs").await.good();
    assert_eq!((&again[0]["resumeIndex"], &again[0]["leaseAttempt"]), (&json!(10), &json!(2)));
    let complete =
        json!({ "leaseAttempt": 2, "status": "completed", "resultCount": 0, "lastSeq": -1, "probesAttempted": 0 });
    let path = format!("/scanner/jobs/{job}/complete");
    assert_eq!(world.post(&north, &path, &complete).await.refusal(), "LEASE_LOST");
    world.post(&north, &format!("/scanner/jobs/{job}/start"), &json!({ "leaseAttempt": 2 })).await.good();
    assert_eq!(world.post(&north, &path, &complete).await.good(), json!({ "finalStatus": "completed" }));
}

#[tokio::test]
async fn an_error_message_is_text() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (_, job) = world.job(&north, "10.0.0.1", &[(1, 10)]).await;
    let attempt = world.started(&north).await;
    let path = format!("/scanner/jobs/{job}/complete");
    let with = |message: &str| {
        json!({ "leaseAttempt": attempt, "status": "failed", "resultCount": 0, "lastSeq": -1, "probesAttempted": 0,
            "errorMessage": message })
    };
    for bad in ["a\u{0}b", "a\nb", &"x".repeat(2_001)] {
        let refused = world.post(&north, &path, &with(bad)).await;
        assert_eq!(
            (refused.refusal().as_str(), &refused.json()["fields"][0]["field"]),
            ("INVALID", &json!("errorMessage"))
        );
    }
    assert_eq!(world.post(&north, &path, &with("it broke")).await.good(), json!({ "finalStatus": "failed" }));
}

#[tokio::test]
async fn a_heartbeat_waits_for_nobody_who_works_on_a_job() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (_, job) = world.job(&north, "10.0.0.1", &[(1, 10)]).await;
    let attempt = world.started(&north).await;
    // Somebody concludes the job, and takes long.
    let mut concluding = world.admin.begin().await.expect("a transaction");
    sqlx::query("select 1 from jobs.scan_jobs for update").execute(&mut *concluding).await.expect("locks");
    let running = json!({ "runningJobs": [{ "jobId": job, "leaseAttempt": attempt }] });
    let beat = world.post(&north, "/scanner/heartbeat", &running);
    let beat = tokio::time::timeout(std::time::Duration::from_secs(60), beat).await.expect("answers meanwhile");
    assert_eq!(beat.good()["directives"], json!([{ "jobId": job, "directive": "continue" }]));
    // At its end whoever concludes wants the scanner's row too.
    sqlx::query("update config.scanners set measured_pps = 1").execute(&mut *concluding).await.expect("no deadlock");
    concluding.commit().await.expect("commits");
}
