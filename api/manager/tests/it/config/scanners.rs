//! `/api/scanners`
use axum::http::Method;
use mipo_domain::clock::Clock as _;
use mipo_domain::hash::Hash256;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{call, id, made, read, refuses};
use crate::support::{Choice, PASSWORD, World};

const PATH: &str = "/api/scanners";

#[tokio::test]
async fn a_token_is_shown_once_and_stored_as_a_hash() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let made = made(&mut owner, PATH, json!({ "name": "berlin", "ttlMinutes": 15 })).await;
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("mipo_pt_"), "{token}");
    assert_eq!(made["scanner"]["status"], "pending");
    assert!(made["enrolCommand"].as_str().unwrap().ends_with(&format!("--token {token}")), "{made}");

    let hash: Vec<u8> = sqlx::query_scalar("select token_hash from config.provisioning_tokens")
        .fetch_one(&world.superuser)
        .await
        .unwrap();
    assert_eq!(hash, Sha256::digest(token).to_vec());
    let secret = token.rsplit('_').next().unwrap();
    for path in [
        PATH.to_owned(),
        format!("{PATH}/{}", id(&made["scanner"])),
        format!("{PATH}/{}/history", id(&made["scanner"])),
    ] {
        assert!(!read(&mut owner, &path).await.to_string().contains(secret), "{path} shows the token");
    }
    let audited =
        world.number("select count(*) from config.audit_events where diff ~ 'mipo_pt_[A-Za-z0-9]+_[A-Za-z0-9]+'").await;
    assert_eq!(audited, 0, "the audit log holds the token");
    let expires: chrono::DateTime<chrono::Utc> = made["tokenExpiresAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(expires - world.clock.now(), chrono::TimeDelta::minutes(15));
}

#[tokio::test]
async fn making_a_scanner_wants_a_fresh_password_too() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    owner.get("/config/scanners/new").await.expect(200);
    world.clock.advance(chrono::TimeDelta::minutes(6));
    let refused = call(&mut owner, Method::POST, PATH, json!({ "name": "berlin" })).await.expect(403);
    assert_eq!(refused.code(), "REAUTH_REQUIRED");
    assert_eq!(world.number("select count(*) from config.scanners").await, 0);
    // The page asks before the form is filled in.
    let asked = owner.get("/config/scanners/new").await.expect(303);
    assert_eq!(asked.header("location"), "/reauth?next=/config/scanners/new");
}

#[tokio::test]
async fn a_new_token_ends_the_key_and_the_token_before() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let scanner = made(&mut owner, PATH, json!({ "name": "berlin" })).await;
    let path = format!("{PATH}/{}", id(&scanner["scanner"]));
    world.tamper("update config.scanners set api_key_prefix = 'mipo_sk_abcdefghijkl', api_key_hash = sha256('x'), bound_ip = '192.0.2.9'").await;

    world.clock.advance(chrono::TimeDelta::minutes(6));
    let refused = call(&mut owner, Method::POST, &format!("{path}/regenerate-token"), json!({})).await.expect(403);
    assert_eq!(refused.code(), "REAUTH_REQUIRED");
    assert_eq!(world.number("select count(*) from config.provisioning_tokens").await, 1);
    let answer =
        call(&mut owner, Method::POST, "/api/auth/reauth", json!({ "password": PASSWORD })).await.expect(200).json();
    answer["csrfToken"].as_str().unwrap().clone_into(&mut owner.csrf);

    let refused = call(&mut owner, Method::POST, &format!("{path}/regenerate-token"), json!({ "ttlMinutes": 4 }))
        .await
        .expect(422);
    assert_eq!(refused.fields(), ["ttlMinutes"]);
    let again = call(&mut owner, Method::POST, &format!("{path}/regenerate-token"), json!({})).await.expect(200).json();
    assert_ne!(again["token"], scanner["token"]);
    assert_eq!((&again["scanner"]["keyPrefix"], &again["scanner"]["boundIp"]), (&json!(null), &json!(null)), "{again}");
    let live = world.number("select count(*) from config.provisioning_tokens where revoked_at is null").await;
    assert_eq!(live, 1, "one live token a scanner");
    let keys = read(&mut owner, &format!("{path}/key-history")).await;
    assert_eq!(keys["items"][0]["oldKeyPrefix"], "mipo_sk_abcdefghijkl", "{keys}");
}

#[tokio::test]
async fn a_scanner_is_changed_drained_disabled_and_deleted() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let scanner = made(&mut owner, PATH, json!({ "name": "berlin" })).await;
    let path = format!("{PATH}/{}", id(&scanner["scanner"]));
    let body = json!({ "version": 1, "rateLimit": 2000, "maxConcurrentJobs": 4, "bindingMode": "subnet" });
    let edited = call(&mut owner, Method::PATCH, &path, body.clone()).await.expect(200).json();
    assert_eq!(
        (&edited["rateLimit"], &edited["bindingMode"], &edited["version"]),
        (&json!(2000), &json!("subnet"), &json!(2))
    );
    assert_eq!(call(&mut owner, Method::PATCH, &path, body).await.expect(409).code(), "STALE_VERSION");

    let drained =
        call(&mut owner, Method::POST, &format!("{path}/drain"), json!({ "minutes": 30 })).await.expect(200).json();
    assert_eq!(drained["draining"], true);
    world.clock.advance(chrono::TimeDelta::minutes(31));
    assert_eq!(read(&mut owner, &path).await["draining"], false, "a drain ends by itself");
    call(&mut owner, Method::POST, &format!("{path}/drain"), json!({})).await.expect(200);
    let back = owner.api(Method::POST, &format!("{path}/undrain"), None).await.expect(200).json();
    assert_eq!(back["draining"], false);

    let bound =
        call(&mut owner, Method::POST, &format!("{path}/bind"), json!({ "ip": "192.0.2.9" })).await.expect(200).json();
    assert_eq!(bound["boundIp"], "192.0.2.9");
    let free = owner.api(Method::POST, &format!("{path}/release-binding"), None).await.expect(200).json();
    assert_eq!(free["boundIp"], json!(null));
    assert_eq!(call(&mut owner, Method::POST, &format!("{path}/bind"), json!({})).await.expect(422).fields(), ["ip"]);
    assert_eq!(
        owner.api(Method::POST, &format!("{path}/rotate-key"), None).await.expect(403).code(),
        "REAUTH_REQUIRED"
    );

    let off = call(&mut owner, Method::POST, &format!("{path}/disable"), json!({ "reason": "moved" }))
        .await
        .expect(200)
        .json();
    assert_eq!(off["status"], "disabled");
    let on = owner.api(Method::POST, &format!("{path}/enable"), None).await.expect(200).json();
    assert_eq!(on["status"], "pending", "it never had a heartbeat");

    let subnet = made_subnet(&mut owner, &id(&scanner["scanner"])).await;
    let refused = owner.api(Method::DELETE, &path, None).await.expect(409);
    assert_eq!(refused.json()["usedBy"][0]["path"], format!("/config/subnets/{subnet}"));
    call(
        &mut owner,
        Method::PUT,
        &format!("/api/config/subnets/{subnet}/scanners"),
        json!({ "version": 1, "scannerIds": [] }),
    )
    .await
    .expect(200);
    owner.api(Method::DELETE, &path, None).await.expect(204);
    assert_eq!(world.number("select count(*) from config.provisioning_tokens").await, 0);
    let history = read(&mut owner, &format!("{path}/history")).await;
    assert_eq!(history["items"][0]["action"], "deleted");
    let viewed = world
        .number("select count(*) from config.audit_events where kind = 'view' and resource_type = 'scanner'")
        .await;
    assert_eq!(viewed, 1, "looking at a scanner is written down");
}

async fn made_subnet(owner: &mut crate::support::Browser, scanner: &str) -> String {
    let body = json!({ "name": "office", "cidr": "10.0.0.0/24", "scannerIds": [scanner] });
    id(&made(owner, "/api/config/subnets", body).await)
}

#[tokio::test]
async fn wrong_values_are_named_and_nothing_is_stored() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let cases = vec![
        (json!({}), vec!["name"]),
        (json!({ "name": "a b" }), vec!["name"]),
        (json!({ "name": "a", "bindingMode": "asn" }), vec!["bindingMode"]),
        (json!({ "name": "a", "bindingMode": "mac" }), vec!["bindingMode"]),
        (json!({ "name": "a", "rateLimit": 100_001 }), vec!["rateLimit"]),
        (json!({ "name": "a", "maxConcurrentJobs": 0 }), vec!["maxConcurrentJobs"]),
        (json!({ "name": "a", "maxConcurrentJobs": 9 }), vec!["maxConcurrentJobs"]),
        (json!({ "name": "a", "ttlMinutes": 1441 }), vec!["ttlMinutes"]),
        (json!({ "name": "a", "description": "x".repeat(10_001) }), vec!["description"]),
        (json!({ "name": "a", "status": "active" }), vec!["status"]),
    ];
    refuses(&world, &mut owner, Method::POST, PATH, cases).await;
    made(&mut owner, PATH, json!({ "name": "berlin" })).await;
    assert_eq!(
        call(&mut owner, Method::POST, PATH, json!({ "name": "Berlin" })).await.expect(409).code(),
        "NAME_TAKEN"
    );
}

#[tokio::test]
async fn an_operator_sees_scanners_and_makes_none() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let scanner = made(&mut owner, PATH, json!({ "name": "berlin" })).await;
    let path = format!("{PATH}/{}", id(&scanner["scanner"]));
    world.user("olga", &["operator"]).await;
    let mut operator = world.signed_in("olga").await;
    read(&mut operator, &path).await;
    for (method, path, body) in [
        (Method::POST, PATH.to_owned(), Some(json!({ "name": "x" }))),
        (Method::PATCH, path.clone(), Some(json!({ "version": 1, "rateLimit": 1 }))),
        (Method::POST, format!("{path}/regenerate-token"), Some(json!({}))),
        (Method::POST, format!("{path}/enable"), None),
        (Method::DELETE, path, None),
    ] {
        assert_eq!(operator.api(method, &path, body).await.expect(403).code(), "FORBIDDEN", "{path}");
    }
}

#[tokio::test]
async fn the_page_of_a_token_shows_the_hashes_of_what_is_served_now() {
    let world = World::chosen(&Choice { releases: true, ..Choice::default() }).await;
    world.owner().await;
    let mut owner = world.signed_in("owner").await;
    owner.get("/config/scanners/new").await.expect(200);
    let typed = |name| [("name", name), ("bindingMode", "ip"), ("maxConcurrentJobs", "1"), ("ttlMinutes", "60")];
    let page = owner.post("/config/scanners/new", &typed("early")).await.expect(200);
    assert!(page.body.contains("install.sh") && !page.body.contains("--sha256"), "nothing is known yet: {}", page.body);

    world
        .tamper(
            "insert into config.served_files (name, sha256, served_at) values
               ('install.sh', sha256('script'), now()), ('mipo-scanner-linux-amd64', sha256('binary'), now()),
               ('mipo-scanner-darwin-arm64', sha256('old'), now() - interval '6 minutes')",
        )
        .await;
    let (script, binary) = (Hash256::of(b"script").to_string(), Hash256::of(b"binary").to_string());
    let page = owner.post("/config/scanners/new", &typed("berlin")).await.expect(200);
    assert!(page.body.contains(&script) && page.body.contains(&format!("--sha256 {binary}")), "{}", page.body);
    assert!(!page.body.contains("darwin"), "what ingest does not name any more is not offered: {}", page.body);

    let answer = made(&mut owner, "/api/scanners", json!({ "name": "paris" })).await;
    assert_eq!((&answer["scriptSha256"], &answer["binaries"][0]["sha256"]), (&json!(script), &json!(binary)));
}
