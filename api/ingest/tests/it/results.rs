//! Parts: accepted once, checked always.
use mipo_app::scanner_calls::AuthRules;
use mipo_domain::clock::Clock as _;
use mipo_domain::ports::PortSet;
use mipo_ingest::Settings;
use serde_json::json;

use crate::world::{World, closed, open};

#[tokio::test]
async fn a_repeated_part_is_acknowledged_and_a_changed_one_is_not() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (_, job) = world.job(&north, "10.0.0.1", &[(1, 10)]).await;
    let attempt = world.started(&north).await;
    let part = closed(attempt, 0, 0, 4);
    for _ in 0..3 {
        assert_eq!(world.hand_in(&north, job, &part).await.good()["nextSeq"], 1);
    }
    assert_eq!(world.number("select count(*) from jobs.result_parts").await, 1);
    assert_eq!(world.number("select resume_index from jobs.scan_jobs").await, 4);
    let changed = world.hand_in(&north, job, &closed(attempt, 0, 0, 5)).await;
    assert_eq!(changed.refusal(), "SEQ_CONFLICT");
    assert_eq!((&changed.json()["nextSeq"], &changed.json()["resumeIndex"]), (&json!(1), &json!(4)));
    assert_eq!(world.text("select rule from config.alarms").await, "result-rejected");
    for ahead in [closed(attempt, 2, 4, 8), closed(attempt, 1, 5, 8)] {
        let refused = world.hand_in(&north, job, &ahead).await;
        assert_eq!((refused.refusal().as_str(), refused.json()["action"].as_str()), ("SEQ_CONFLICT", Some("retry")));
    }
    let complete = json!({ "leaseAttempt": attempt, "status": "completed", "resultCount": 0, "lastSeq": 1, "probesAttempted": 10 });
    let missing = world.post(&north, &format!("/scanner/jobs/{job}/complete"), &complete).await;
    assert_eq!(missing.refusal(), "PARTS_MISSING");
    assert_eq!((&missing.json()["nextSeq"], &missing.json()["resumeIndex"]), (&json!(1), &json!(4)));
}

#[tokio::test]
async fn a_row_outside_the_targets_refuses_the_part_and_raises_an_alarm() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (_, job) = world.job(&north, "10.0.0.1", &[(1, 10)]).await;
    let attempt = world.started(&north).await;
    for (ip, port) in [("10.0.0.2", 5), ("10.0.0.1", 11), ("2001:db8::1", 5)] {
        let mut part = closed(attempt, 0, 0, 10);
        part.hosts.push(open(ip, port, world.clock.now()));
        assert_eq!(world.hand_in(&north, job, &part).await.refusal(), "OUT_OF_SCOPE", "{ip} {port}");
    }
    assert_eq!(world.number("select count(*) from jobs.result_parts").await, 0);
    assert_eq!(
        world.text("select concat_ws(' ', rule, severity, count) from config.alarms").await,
        "result-rejected critical 3"
    );
    assert_eq!(world.number("select resume_index from jobs.scan_jobs").await, 0);
}

#[tokio::test]
async fn rows_of_an_address_excluded_meanwhile_are_dropped_and_counted() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (_, job) = world.job(&north, "10.0.0.1-10.0.0.2", &[(1, 5)]).await;
    let attempt = world.started(&north).await;
    world
        .run("insert into config.exclusions (id, name, cidr, reason) values (gen_random_uuid(), 'printer', '10.0.0.2/32', 'fragile')")
        .await;
    let progress = json!({ "leaseAttempt": attempt, "probedIndex": 0, "resultCount": 0 });
    let answer = world.post(&north, &format!("/scanner/jobs/{job}/progress"), &progress).await.good();
    assert_eq!(answer["addedExclusions"], json!([{ "cidr": "10.0.0.2/32", "ports": [] }]));
    let mut part = closed(attempt, 0, 0, 10);
    part.hosts.push(open("10.0.0.1", 3, world.clock.now()));
    part.hosts.push(open("10.0.0.2", 4, world.clock.now()));
    world.hand_in(&north, job, &part).await.good();
    let counters =
        world.text("select concat_ws(' ', probes_attempted, excluded_count, result_count) from jobs.scan_jobs").await;
    assert_eq!(counters, "5 5 1");
    let payload: Vec<u8> =
        sqlx::query_scalar("select payload from jobs.result_parts").fetch_one(&world.admin).await.expect("a part");
    let kept = String::from_utf8(zstd::decode_all(payload.as_slice()).expect("unpacks")).expect("text");
    assert!(kept.contains("10.0.0.1") && !kept.contains("\"port\":4"), "{kept}");
    let complete = json!({ "leaseAttempt": attempt, "status": "completed", "resultCount": 1, "lastSeq": 0, "probesAttempted": 10 });
    let end = world.post(&north, &format!("/scanner/jobs/{job}/complete"), &complete).await.good();
    assert_eq!(end["finalStatus"], "completed", "skipped probes count as excluded, not as missing");
    assert_eq!(world.number("select count(*) from config.alarms").await, 0);
}

#[tokio::test]
async fn errors_and_missing_probes_make_a_job_partial() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (_, job) = world.job(&north, "10.0.0.1", &[(1, 10)]).await;
    let attempt = world.started(&north).await;
    let mut part = closed(attempt, 0, 0, 10);
    let mut host = open("10.0.0.1", 1, world.clock.now());
    host.error = PortSet::from_ranges([(2, 3)]);
    host.not_probed = PortSet::from_ranges([(4, 4)]);
    part.hosts.push(host);
    world.hand_in(&north, job, &part).await.good();
    let complete =
        json!({ "leaseAttempt": attempt, "status": "completed", "resultCount": 1, "lastSeq": 0, "probesAttempted": 9 });
    let end = world.post(&north, &format!("/scanner/jobs/{job}/complete"), &complete).await.good();
    assert_eq!(end["finalStatus"], "partial");
    let counters =
        world.text("select concat_ws(' ', probes_attempted, error_count, not_probed_count) from jobs.scan_jobs").await;
    assert_eq!(counters, "9 2 1");
}

#[tokio::test]
async fn a_refused_job_fails_with_its_reason() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (_, job) = world.job(&north, "10.0.0.1", &[(1, 10)]).await;
    world.get(&north, "/scanner/jobs").await.good();
    let complete = json!({ "leaseAttempt": 1, "status": "failed", "resultCount": 0, "lastSeq": -1, "probesAttempted": 0,
        "errorMessage": "targets meet the local deny list" });
    let end = world.post(&north, &format!("/scanner/jobs/{job}/complete"), &complete).await.good();
    assert_eq!(end["finalStatus"], "failed");
    assert_eq!(world.text("select error_message from jobs.scan_jobs").await, "targets meet the local deny list");
}

#[tokio::test]
async fn results_wait_while_the_queue_is_late() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (_, job) = world.job(&north, "10.0.0.1", &[(1, 10)]).await;
    let attempt = world.started(&north).await;
    world.hand_in(&north, job, &closed(attempt, 0, 0, 4)).await.good();
    world.run("update jobs.result_parts set received_at = now() - interval '10 minutes'").await;
    world.clock.advance(chrono::Duration::seconds(10));
    assert_eq!(world.hand_in(&north, job, &closed(attempt, 1, 4, 10)).await.refusal(), "RATE_LIMITED");
    world.run("update jobs.result_parts set stored_at = now(), payload = null").await;
    world.clock.advance(chrono::Duration::seconds(10));
    world.hand_in(&north, job, &closed(attempt, 1, 4, 10)).await.good();
}

#[tokio::test]
async fn a_scanner_that_is_too_old_gets_no_jobs_but_may_say_that_it_lives() {
    let auth = AuthRules { min_version: "2.0.0".parse().ok() };
    let world = World::with(Settings { auth, ..Settings::default() }).await;
    let north = world.scanner("north").await;
    world.job(&north, "10.0.0.1", &[(22, 22)]).await;
    assert_eq!(world.get(&north, "/scanner/jobs").await.refusal(), "VERSION_TOO_OLD");
    let beat = world.post(&north, "/scanner/heartbeat", &json!({ "version": "2.0.0 93166a9761a2" })).await.good();
    assert_eq!(beat["minVersion"], "2.0.0");
    assert_eq!(world.get(&north, "/scanner/jobs").await.good().as_array().expect("a list").len(), 1);
}
