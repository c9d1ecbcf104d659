//! Every refusal has its type, and changes nothing.
use axum::body::Body;
use axum::http::Request;
use mipo_domain::hash::Hash256;
use serde_json::{Value, json};

use crate::world::{HOME, World, closed};

fn calls(job: impl std::fmt::Display, attempt: u32) -> Vec<(String, Value)> {
    vec![
        (format!("/scanner/jobs/{job}/start"), json!({ "leaseAttempt": attempt })),
        (
            format!("/scanner/jobs/{job}/progress"),
            json!({ "leaseAttempt": attempt, "probedIndex": 0, "resultCount": 0 }),
        ),
        (
            format!("/scanner/jobs/{job}/release"),
            json!({ "leaseAttempt": attempt, "probedIndex": 0, "reason": "shutdown" }),
        ),
        (
            format!("/scanner/jobs/{job}/complete"),
            json!({ "leaseAttempt": attempt, "status": "failed", "resultCount": 0, "lastSeq": -1, "probesAttempted": 0 }),
        ),
    ]
}

#[tokio::test]
async fn another_scanners_job_does_not_exist() {
    let world = World::new().await;
    let (north, south) = (world.scanner("north").await, world.scanner("south").await);
    let (_, job) = world.job(&north, "10.0.0.1", &[(1, 10)]).await;
    let attempt = world.started(&north).await;
    let before = world.text("select row_to_json(j)::text from jobs.scan_jobs j").await;
    for id in [job.to_string(), "999999".to_owned(), "-1".to_owned(), "x".to_owned(), "99999999999999999999".to_owned()]
    {
        for (path, body) in calls(&id, attempt) {
            let refused = world.post(&south, &path, &body).await;
            assert_eq!((refused.refusal().as_str(), refused.status.as_u16()), ("JOB_NOT_FOUND", 404), "{path}");
        }
    }
    assert_eq!(world.hand_in(&south, job, &closed(attempt, 0, 0, 10)).await.refusal(), "JOB_NOT_FOUND");
    assert_eq!(world.get(&south, "/scanner/jobs").await.good(), json!([]));
    assert_eq!(world.text("select row_to_json(j)::text from jobs.scan_jobs j").await, before);
}

#[tokio::test]
async fn stale_expired_and_missing_leases_are_lost() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (_, job) = world.job(&north, "10.0.0.1", &[(1, 10)]).await;
    for (path, body) in calls(job, 1) {
        assert_eq!(world.post(&north, &path, &body).await.refusal(), "LEASE_LOST", "no lease yet: {path}");
    }
    let attempt = world.started(&north).await;
    for wrong in [0, attempt + 1, u32::MAX] {
        for (path, body) in calls(job, wrong) {
            assert_eq!(world.post(&north, &path, &body).await.refusal(), "LEASE_LOST", "{path}");
        }
        assert_eq!(world.hand_in(&north, job, &closed(wrong, 0, 0, 10)).await.refusal(), "LEASE_LOST");
    }
    world.run("update jobs.scan_jobs set lease_until = now() - interval '1 second'").await;
    for (path, body) in calls(job, attempt) {
        assert_eq!(world.post(&north, &path, &body).await.refusal(), "LEASE_LOST", "expired: {path}");
    }
    assert_eq!(world.hand_in(&north, job, &closed(attempt, 0, 0, 10)).await.refusal(), "LEASE_LOST");
    assert_eq!(world.number("select count(*) from jobs.result_parts").await, 0);
}

#[tokio::test]
async fn wrong_types_and_unknown_fields_are_named() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (_, job) = world.job(&north, "10.0.0.1", &[(1, 10)]).await;
    let attempt = world.started(&north).await;
    let start = format!("/scanner/jobs/{job}/start");
    for (body, field) in [
        (json!({}), "leaseAttempt"),
        (json!({ "leaseAttempt": "1" }), "leaseAttempt"),
        (json!({ "leaseAttempt": -1 }), "leaseAttempt"),
        (json!({ "leaseAttempt": 1.5 }), "leaseAttempt"),
        (json!({ "leaseAttempt": null }), "leaseAttempt"),
        (json!({ "leaseAttempt": 1, "surprise": true }), "surprise"),
    ] {
        let refused = world.post(&north, &start, &body).await;
        assert_eq!(
            (refused.refusal().as_str(), refused.json()["fields"][0]["field"].as_str()),
            ("INVALID", Some(field))
        );
    }
    let progress = json!({ "leaseAttempt": attempt, "probedIndex": 11, "resultCount": 0 });
    let refused = world.post(&north, &format!("/scanner/jobs/{job}/progress"), &progress).await;
    assert_eq!(refused.json()["fields"][0]["field"], "probedIndex");
    let complete =
        json!({ "leaseAttempt": attempt, "status": "done", "resultCount": 0, "lastSeq": -1, "probesAttempted": 0 });
    let refused = world.post(&north, &format!("/scanner/jobs/{job}/complete"), &complete).await;
    assert_eq!(refused.json()["fields"][0]["field"], "status");
    let message = "x".repeat(2001);
    let complete = json!({ "leaseAttempt": attempt, "status": "failed", "resultCount": 0, "lastSeq": -1, "probesAttempted": 0, "errorMessage": message });
    let refused = world.post(&north, &format!("/scanner/jobs/{job}/complete"), &complete).await;
    assert_eq!(refused.json()["fields"][0]["field"], "errorMessage");
    for query in ["wait=26", "wait=x", "max=0", "max=9", "holding=1", "holding=1:x"] {
        let refused = world.get(&north, &format!("/scanner/jobs?{query}")).await;
        assert_eq!(refused.refusal(), "INVALID", "{query}");
    }
    for part in [
        r#"{"leaseAttempt":1,"seq":0,"fromIndex":0,"toIndex":10,"defaultState":"closed","hosts":[],"extra":1}"#,
        r#"{"leaseAttempt":1,"seq":0,"fromIndex":0,"toIndex":11,"defaultState":"closed","hosts":[]}"#,
        r#"{"leaseAttempt":1,"seq":0,"fromIndex":0,"toIndex":0,"defaultState":"closed","hosts":[]}"#,
        r#"{"leaseAttempt":1,"seq":0,"fromIndex":0,"toIndex":10,"defaultState":"filtered","hosts":[]}"#,
        r#"{"leaseAttempt":1,"seq":0,"fromIndex":0,"toIndex":10,"defaultState":"closed","hosts":[{"ip":"10.0.0.1","protocol":"tcp","error":[[0,3]]}]}"#,
    ] {
        let refused = world.hand_in_bytes(&north, job, part.as_bytes()).await;
        assert_eq!(refused.refusal(), "INVALID", "{part}");
        assert!(refused.json()["fields"][0]["field"].is_string());
    }
    assert_eq!(world.number("select count(*) from jobs.result_parts").await, 0);
}

#[tokio::test]
async fn bodies_are_bounded_and_their_hash_is_checked() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let (_, job) = world.job(&north, "10.0.0.1", &[(1, 10)]).await;
    let attempt = world.started(&north).await;
    let path = format!("/scanner/jobs/{job}/results");
    let body = closed(attempt, 0, 0, 10).to_bytes();
    let send = async |headers: &[(&str, String)], body: Vec<u8>| {
        let mut request = Request::post(&path).header("x-api-key", &north.key);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        world.call(HOME, request.body(Body::from(body)).expect("a request")).await
    };
    let hash = ("x-mipo-part-sha256", Hash256::of(&body).to_string());
    for headers in [vec![], vec![("x-mipo-part-sha256", "0".repeat(64))], vec![("x-mipo-part-sha256", "zz".to_owned())]]
    {
        let refused = send(&headers, body.clone()).await;
        assert_eq!(
            (refused.refusal().as_str(), refused.json()["fields"][0]["field"].as_str()),
            ("INVALID", Some("X-Mipo-Part-Sha256"))
        );
    }
    let refused = send(std::slice::from_ref(&hash), vec![b' '; 4 * 1024 * 1024 + 1]).await;
    assert_eq!((refused.refusal().as_str(), refused.status.as_u16()), ("TOO_LARGE", 413));
    let bomb = zstd::encode_all(std::io::Read::take(std::io::repeat(b' '), 33 * 1024 * 1024), 1).expect("packs");
    let refused = send(&[hash.clone(), ("content-encoding", "zstd".to_owned())], bomb).await;
    assert_eq!(refused.refusal(), "TOO_LARGE");
    let refused = send(&[hash.clone(), ("content-encoding", "br".to_owned())], body.clone()).await;
    assert_eq!(refused.refusal(), "BAD_REQUEST");
    let torn = b"{\"leaseAttempt\":".to_vec();
    let refused = send(&[("x-mipo-part-sha256", Hash256::of(&torn).to_string())], torn).await;
    assert_eq!((refused.refusal().as_str(), refused.status.as_u16()), ("BAD_REQUEST", 400));
    assert_eq!(world.number("select count(*) from jobs.result_parts").await, 0);
    assert_eq!(send(&[hash], body).await.good()["nextSeq"], 1);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    for path in ["/scanner", "/scanner/", "/scanner/nothing", "/discovery", "/discovery/nothing", "/", "/api/scans"] {
        assert_eq!(world.get(&north, path).await.refusal(), "NOT_FOUND", "{path}");
    }
    assert_eq!(world.get(&north, "/scanner/heartbeat").await.refusal(), "METHOD_NOT_ALLOWED");
    let gone = world.get(&north, "/scanner/nothing").await;
    assert_eq!(gone.headers["x-content-type-options"], "nosniff");
    assert_eq!(gone.headers["cache-control"], "no-store");
}
