//! Tokens, keys, bindings, heartbeats.
use axum::body::Body;
use axum::http::Request;
use chrono::Duration;
use mipo_ingest::Settings;
use serde_json::json;

use crate::world::{HOME, World, enrolment};

const ALARMS: &str = "select count(*) from config.alarms where state = 'open'";

#[tokio::test]
async fn of_twenty_exchanges_at_once_exactly_one_succeeds() {
    let world = World::new().await;
    let (id, token) = world.expected_scanner("north").await;
    let body = enrolment(&token);
    let calls = (0..20).map(|_| world.post_from(HOME, "/scanner/provision", None, &body));
    let mut keys = Vec::new();
    for call in futures(calls).await {
        if call.status == 201 {
            keys.push(call.good());
        } else {
            assert_eq!(call.refusal(), "TOKEN_INVALID");
            assert_eq!(call.json()["action"], "reprovision");
        }
    }
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0]["scannerId"], id.to_string());
    assert_eq!(keys[0]["name"], "north");
    assert_eq!(keys[0]["heartbeatSeconds"], 60);
    assert_eq!(keys[0]["jobPublicKey"]["publicKey"], world.signer.public().to_string());
    assert_eq!(world.number(ALARMS).await, 0, "a lost answer is no attack");
    assert_eq!(world.number("select count(*) from config.audit_events where action = 'provisioned'").await, 1);
    let stored: String = world.text("select row_to_json(s)::text from config.scanners s").await;
    let secret = keys[0]["apiKey"].as_str().expect("a key").rsplit('_').next().expect("a secret").to_owned();
    assert!(!stored.contains(&secret), "only the hash is stored");
}

/// Runs them all at once on this thread.
async fn futures<T>(calls: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut set: Vec<std::pin::Pin<Box<dyn Future<Output = T> + '_>>> = Vec::new();
    for call in calls {
        set.push(Box::pin(call));
    }
    let mut done: Vec<Option<T>> = set.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        let mut waiting = false;
        for (call, slot) in set.iter_mut().zip(&mut done) {
            if slot.is_none() {
                match call.as_mut().poll(cx) {
                    std::task::Poll::Ready(value) => *slot = Some(value),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_second_use_from_elsewhere_raises_a_critical_alarm() {
    let world = World::new().await;
    let (_, token) = world.expected_scanner("north").await;
    world.post_from(HOME, "/scanner/provision", None, &enrolment(&token)).await.good();
    world.clock.advance(Duration::seconds(30));
    let again = world.post_from("203.0.113.9", "/scanner/provision", None, &enrolment(&token)).await;
    assert_eq!(again.refusal(), "TOKEN_INVALID");
    let alarm = world.text("select rule || ' ' || severity || ' ' || count from config.alarms").await;
    assert_eq!(alarm, "provisioning-token-reused critical 1");
    let flagged = "select count(*) from config.scanners where key_flagged_at is not null";
    assert_eq!(world.number(flagged).await, 1, "the key from the first use may be in other hands");
    // After a minute the same machine counts as somebody else too.
    world.clock.advance(Duration::seconds(31));
    world.post_from(HOME, "/scanner/provision", None, &enrolment(&token)).await;
    assert_eq!(world.text("select count::text from config.alarms").await, "2");
}

#[tokio::test]
async fn wrong_tokens_and_wrong_inputs_store_nothing() {
    let world = World::new().await;
    let (_, token) = world.expected_scanner("north").await;
    let mut wrong = enrolment(&token);
    wrong["platform"] = json!("amiga");
    let refused = world.post_from(HOME, "/scanner/provision", None, &wrong).await;
    assert_eq!((refused.refusal().as_str(), &refused.json()["fields"][0]["field"]), ("INVALID", &json!("platform")));
    let mut wrong = enrolment(&token);
    wrong["hostname"] = json!(7);
    let refused = world.post_from(HOME, "/scanner/provision", None, &wrong).await;
    assert_eq!((refused.refusal().as_str(), &refused.json()["fields"][0]["field"]), ("INVALID", &json!("hostname")));
    let mut wrong = enrolment(&token);
    wrong.as_object_mut().expect("an object").remove("binarySha256");
    let refused = world.post_from(HOME, "/scanner/provision", None, &wrong).await;
    assert_eq!(refused.json()["fields"][0]["field"], "binarySha256");
    for bad in ["", "mipo_pt_x", &token[..token.len() - 1], &format!("{}x", &token[..token.len() - 1])] {
        let refused = world.post_from(HOME, "/scanner/provision", None, &enrolment(bad)).await;
        assert_eq!(refused.refusal(), "TOKEN_INVALID", "{bad}");
    }
    world.clock.advance(Duration::minutes(61));
    assert_eq!(world.post_from(HOME, "/scanner/provision", None, &enrolment(&token)).await.refusal(), "TOKEN_INVALID");
    assert_eq!(world.number("select count(*) from config.scanners where api_key_hash is not null").await, 0);
    assert_eq!(world.number(ALARMS).await, 0);
}

#[tokio::test]
async fn the_first_heartbeat_makes_a_scanner_active_and_binds_it() {
    let world = World::new().await;
    let (_, token) = world.expected_scanner("north").await;
    let key = world.post_from(HOME, "/scanner/provision", None, &enrolment(&token)).await.good()["apiKey"].clone();
    let key = key.as_str().expect("a key");
    assert_eq!(world.text("select status from config.scanners").await, "pending");
    let beat = json!({ "version": "1.2.4", "hostname": "probe-1", "internalIp": "10.1.1.1", "capabilities": ["connect"],
        "metrics": { "loadAvg1m": 0.5, "numCpus": 2, "memoryTotalBytes": 1024, "somethingNew": 1 }, "lateMs": 3 });
    let answer = world.post_from(HOME, "/scanner/heartbeat", Some(key), &beat).await.good();
    assert_eq!(
        (&answer["heartbeatSeconds"], &answer["draining"], &answer["rotateKey"]),
        (&json!(60), &json!(false), &json!(false))
    );
    let row = world.text("select concat_ws(' ', status, host(bound_ip), host(external_ip), scanner_version, host(internal_ip)) from config.scanners").await;
    assert_eq!(row, "active 198.51.100.7 198.51.100.7 1.2.4 10.1.1.1");
    // From elsewhere the same key is refused, counted, and somebody is told, once.
    for _ in 0..3 {
        let refused = world.post_from("203.0.113.9", "/scanner/heartbeat", Some(key), &json!({})).await;
        assert_eq!(
            (refused.refusal().as_str(), &refused.headers["retry-after"]),
            ("IP_BINDING_VIOLATION", &"60".parse().expect("value"))
        );
    }
    assert_eq!(world.number("select ip_mismatch_count::bigint from config.scanners").await, 3);
    assert_eq!(world.text("select rule from config.alarms where state = 'open'").await, "scanner-binding-violation");
    world.post_from(HOME, "/scanner/heartbeat", Some(key), &json!({})).await.good();
    assert_eq!(world.number(ALARMS).await, 0);
    let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    let refused = world.post_from(HOME, "/scanner/heartbeat", Some(key), &json!({ "capabilities": many })).await;
    assert_eq!(refused.json()["fields"][0]["field"], "capabilities");
}

#[tokio::test]
async fn keys_are_unknown_revoked_or_disabled_in_words() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    for key in [None, Some("nonsense"), Some(&north.key[..north.key.len() - 1])] {
        let refused = world.post_from(HOME, "/scanner/heartbeat", key, &json!({})).await;
        assert_eq!(refused.refusal(), "INVALID_KEY");
        assert_eq!(refused.json()["action"], "reprovision");
    }
    let last = if north.key.ends_with('a') { 'b' } else { 'a' };
    let forged = format!("{}{last}", &north.key[..north.key.len() - 1]);
    assert_eq!(world.post_from(HOME, "/scanner/heartbeat", Some(&forged), &json!({})).await.refusal(), "INVALID_KEY");
    assert_eq!(world.number("select failed_auth_count::bigint from config.scanners").await, 1);
    world.run("update config.scanners set status = 'disabled'").await;
    let refused = world.post(&north, "/scanner/heartbeat", &json!({})).await;
    assert_eq!(
        (refused.refusal().as_str(), &refused.headers["retry-after"]),
        ("SCANNER_DISABLED", &"300".parse().expect("value"))
    );
}

#[tokio::test]
async fn an_old_key_works_a_quarter_of_an_hour_longer() {
    let world = World::new().await;
    let mut north = world.scanner("north").await;
    let old = north.key.clone();
    let answer = world.post(&north, "/scanner/key/rotate", &json!({})).await.good();
    north.key = answer["apiKey"].as_str().expect("a key").to_owned();
    let beat =
        async |key: &str| world.post_from(HOME, "/scanner/heartbeat", Some(key), &json!({})).await.status.as_u16();
    assert_eq!((beat(&old).await, beat(&north.key).await), (200, 200));
    world.clock.advance(Duration::minutes(14));
    assert_eq!((beat(&old).await, beat(&north.key).await), (200, 200));
    world.clock.advance(Duration::minutes(2));
    assert_eq!((beat(&old).await, beat(&north.key).await), (401, 200));
}

#[tokio::test]
async fn a_scanner_that_never_got_its_new_key_can_ask_again() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    for _ in 0..3 {
        // The answer is lost each time.
        world.post(&north, "/scanner/key/rotate", &json!({})).await.good();
        world.clock.advance(Duration::minutes(30));
    }
    world.post(&north, "/scanner/heartbeat", &json!({})).await.good();
}

#[tokio::test]
async fn strangers_and_keys_have_their_measure() {
    let settings = Settings { unauth_calls_per_minute: 5, key_calls_per_minute: 6, ..Settings::default() };
    let world = World::with(settings).await;
    let north = world.scanner("north").await;
    for _ in 0..3 {
        assert_eq!(world.post_from(HOME, "/scanner/provision", None, &json!({})).await.status, 422);
    }
    assert_eq!(world.post_from(HOME, "/scanner/provision", None, &json!({})).await.refusal(), "RATE_LIMITED");
    assert_eq!(world.post_from("203.0.113.1", "/scanner/provision", None, &json!({})).await.status, 422);
    let mut codes = Vec::new();
    for _ in 0..8 {
        codes.push(world.post(&north, "/scanner/heartbeat", &json!({})).await.status.as_u16());
    }
    assert_eq!(codes.iter().filter(|code| **code == 200).count(), 5);
    assert_eq!(codes.last(), Some(&429));
}

#[tokio::test]
async fn ingest_cannot_read_what_is_not_its_business() {
    let world = World::new().await;
    let pool = world.db.pool_as("mipo_ingest");
    for sql in [
        "select 1 from config.users",
        "select 1 from config.sessions",
        "select private_key from config.signing_keys",
        "select * from config.settings",
        "update config.audit_events set reason = ''",
        "delete from config.audit_events",
        "delete from jobs.scan_jobs",
        "select 1 from config.user_tokens",
    ] {
        let refused = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await.expect_err(sql);
        let text = refused.to_string();
        assert!(text.contains("permission denied") || text.contains("does not exist"), "{sql}: {text}");
    }
}

#[tokio::test]
async fn the_binding_to_a_subnet_holds_for_calls() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    world.run("update config.scanners set binding_mode = 'subnet'").await;
    let from = async |source: &str| world.post_from(source, "/scanner/heartbeat", Some(&north.key), &json!({})).await;
    from("198.51.100.250").await.good();
    assert_eq!(from("198.51.101.7").await.refusal(), "IP_BINDING_VIOLATION");
    assert_eq!(world.number("select ip_mismatch_count::bigint from config.scanners").await, 1);
    from(HOME).await.good();
    assert_eq!(world.number("select ip_mismatch_count::bigint from config.scanners").await, 0);
}

#[tokio::test]
async fn strangers_cost_no_body_and_bodies_are_small() {
    let world = World::new().await;
    let north = world.scanner("north").await;
    let large = "x".repeat(64 * 1024 + 1);
    for path in ["/scanner/heartbeat", "/scanner/jobs/1/results", "/scanner/jobs/1/progress"] {
        // A body that never ends: only who is known may make ingest wait for it.
        let endless = Body::from_stream(::futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let request = Request::post(path).header("x-api-key", "mipo_sk_nobody").body(endless).expect("a request");
        assert_eq!(world.call(HOME, request).await.refusal(), "INVALID_KEY", "{path}");
    }
    for path in ["/scanner/heartbeat", "/scanner/jobs/1/start", "/scanner/jobs/1/complete"] {
        let request = Request::post(path).header("x-api-key", &north.key).body(Body::from(large.clone()));
        assert_eq!(world.call(HOME, request.expect("a request")).await.refusal(), "TOO_LARGE", "{path}");
    }
    let request = Request::post("/scanner/provision").body(Body::from(large)).expect("a request");
    assert_eq!(world.call(HOME, request).await.refusal(), "TOO_LARGE");
}

#[tokio::test]
async fn whoever_knows_only_the_prefix_of_a_key_takes_nothing_from_it() {
    let settings = Settings { unauth_calls_per_minute: 1_000, key_calls_per_minute: 6, ..Settings::default() };
    let world = World::with(settings).await;
    let north = world.scanner("north").await;
    let last = if north.key.ends_with('a') { 'b' } else { 'a' };
    let forged = format!("{}{last}", &north.key[..north.key.len() - 1]);
    for _ in 0..20 {
        let refused = world.post_from("203.0.113.9", "/scanner/heartbeat", Some(&forged), &json!({})).await;
        assert_eq!(refused.refusal(), "INVALID_KEY");
    }
    world.post(&north, "/scanner/heartbeat", &json!({})).await.good();
}
