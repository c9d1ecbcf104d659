//! The red team has a scanner's key (S31): it cannot read other targets, widen a scope, forge another scanner's result or
//! keep a lease.
use mipo_domain::clock::Clock as _;
use mipo_protocol::messages::ClaimedJob;
use serde_json::json;

use crate::world::{HOME, Scanner, World, closed, open};

/// Where the thief sits: in the same network, so that a binding to it lets the key pass.
const THIEF: &str = "198.51.100.66";

struct Theft {
    world: World,
    /// Whose key was stolen.
    south: Scanner,
    /// Whose was not.
    north: Scanner,
}

async fn theft() -> Theft {
    let world = World::new().await;
    let (north, south) = (world.scanner("north").await, world.scanner("south").await);
    world.run("update config.scanners set binding_mode = 'subnet'").await;
    Theft { world, south, north }
}

#[tokio::test]
async fn it_reads_no_targets_but_its_own() {
    let Theft { world, south, north } = theft().await;
    let (_, job) = world.job(&north, "10.7.7.1", &[(1, 10)]).await;
    for query in ["", "?max=8", "?max=8&holding=", &format!("?holding={job}:1")] {
        assert_eq!(world.get(&south, &format!("/scanner/jobs{query}")).await.good(), json!([]));
    }
    let attempt = world.started(&north).await;
    let running = json!({ "runningJobs": [{ "jobId": job, "leaseAttempt": attempt }] });
    let beat = world.post(&south, "/scanner/heartbeat", &running).await;
    assert_eq!(beat.good()["directives"], json!([{ "jobId": job, "directive": "stop" }]), "as if there were none");
    assert!(!beat.text().contains("10.7.7"));
    for call in ["start", "progress", "results", "release", "complete"] {
        let body = json!({ "leaseAttempt": attempt, "probedIndex": 0, "resultCount": 0, "reason": "x",
            "status": "failed", "lastSeq": -1, "probesAttempted": 0 });
        let refused = world.post(&south, &format!("/scanner/jobs/{job}/{call}"), &body).await;
        assert!(!refused.status.is_success() && !refused.text().contains("10.7.7"), "{call}: {}", refused.text());
    }
}

#[tokio::test]
async fn it_widens_no_scope() {
    let Theft { world, south, .. } = theft().await;
    let (_, job) = world.job(&south, "10.8.8.1", &[(1, 10)]).await;
    let claimed = world.get(&south, "/scanner/jobs").await.good();
    let mut claimed: Vec<ClaimedJob> = serde_json::from_value(claimed).expect("jobs");
    let mut claim = claimed.pop().expect("a job");
    let wider = String::from_utf8(claim.spec.0).expect("text").replace("10.8.8.1", "10.8.8.2");
    claim.spec.0 = wider.into_bytes();
    assert!(claim.signed_spec().verify(&[world.signer.public()]).is_err(), "no scanner would run it");
    world.post(&south, &format!("/scanner/jobs/{job}/start"), &json!({ "leaseAttempt": 1 })).await.good();
    for (ip, port) in [("10.8.8.2", 5), ("10.8.8.1", 11), ("192.168.0.1", 22)] {
        let mut part = closed(1, 0, 0, 10);
        part.hosts.push(open(ip, port, world.clock.now()));
        assert_eq!(world.hand_in(&south, job, &part).await.refusal(), "OUT_OF_SCOPE", "{ip} {port}");
    }
    assert_eq!(world.number("select count(*) from jobs.result_parts").await, 0);
    assert_eq!(world.number("select resume_index from jobs.scan_jobs").await, 0);
    assert_eq!(world.text("select rule from config.alarms where state = 'open'").await, "result-rejected");
}

#[tokio::test]
async fn it_forges_no_result_of_another_scanner() {
    let Theft { world, south, north } = theft().await;
    let (_, job) = world.job(&north, "10.9.9.1", &[(1, 10)]).await;
    let attempt = world.started(&north).await;
    let before = world.text("select row_to_json(j)::text from jobs.scan_jobs j").await;
    let mut part = closed(attempt, 0, 0, 10);
    part.hosts.push(open("10.9.9.1", 5, world.clock.now()));
    assert_eq!(world.hand_in(&south, job, &part).await.refusal(), "JOB_NOT_FOUND");
    assert_eq!(world.text("select row_to_json(j)::text from jobs.scan_jobs j").await, before);
    assert_eq!(world.number("select count(*) from jobs.result_parts").await, 0);
    // Of its own job it can overwrite nothing that was accepted before.
    let (_, own) = world.job(&south, "10.9.9.2", &[(1, 10)]).await;
    let attempt = world.started(&south).await;
    world.hand_in(&south, own, &closed(attempt, 0, 0, 10)).await.good();
    let mut other = closed(attempt, 0, 0, 10);
    other.hosts.push(open("10.9.9.2", 5, world.clock.now()));
    assert_eq!(world.hand_in(&south, own, &other).await.refusal(), "SEQ_CONFLICT");
    assert_eq!(world.text("select rule from config.alarms where state = 'open'").await, "result-rejected");
}

#[tokio::test]
async fn it_keeps_no_lease() {
    let Theft { world, south, .. } = theft().await;
    let (_, job) = world.job(&south, "10.10.10.1", &[(1, 10)]).await;
    let attempt = world.started(&south).await;
    let progress = json!({ "leaseAttempt": attempt, "probedIndex": 1, "resultCount": 0 });
    let path = format!("/scanner/jobs/{job}/progress");
    let by_thief = async || world.post_from(THIEF, &path, Some(&south.key), &progress).await;
    by_thief().await.good();
    // The scanner itself comes back: what the thief holds is handed out anew.
    let again = world.get(&south, "/scanner/jobs").await.good();
    assert_eq!(again[0]["leaseAttempt"], 2);
    assert_eq!(by_thief().await.refusal(), "LEASE_LOST");
    // From elsewhere the key does not pass at all.
    let from_far = world.post_from("203.0.113.9", &path, Some(&south.key), &progress).await;
    assert_eq!(from_far.refusal(), "IP_BINDING_VIOLATION");
    // A lease that has ended is not renewed.
    world.run("update jobs.scan_jobs set lease_until = now() - interval '1 second'").await;
    let late = json!({ "leaseAttempt": 2, "probedIndex": 1, "resultCount": 0 });
    assert_eq!(world.post(&south, &path, &late).await.refusal(), "LEASE_LOST");
    // Once an operator takes the key away, nothing works any more.
    world
        .run(
            "update config.scanners set api_key_hash = null, api_key_prefix = null, previous_api_key_hash = null,
                 previous_api_key_prefix = null, previous_key_until = null",
        )
        .await;
    assert_eq!(by_thief().await.refusal(), "INVALID_KEY");
    assert_eq!(
        world.post_from(HOME, "/scanner/key/rotate", Some(&south.key), &json!({})).await.refusal(),
        "INVALID_KEY"
    );
}
