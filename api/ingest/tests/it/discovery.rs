//! The discovery API: a source makes lists and pushes addresses to them, and touches nothing else.
use axum::body::Body;
use axum::http::Request;
use chrono::Duration;
use mipo_domain::clock::Clock as _;
use mipo_domain::secrets::{KeyKind, Token};
use mipo_ingest::Settings;
use mipo_runtime::OsEntropy;
use serde_json::{Value, json};

use crate::world::{HOME, Reply, World};

const LISTS: &str = "/discovery/lists";

/// A source with a good key.
async fn source(world: &World, name: &str) -> String {
    let key = Token::key(KeyKind::Discovery, &OsEntropy);
    sqlx::query(
        "insert into config.discovery_sources (id, name, key_prefix, key_hash) values (gen_random_uuid(), $1, $2, $3)",
    )
    .bind(name)
    .bind(key.prefix(KeyKind::Discovery).expect("a prefix"))
    .bind(key.hash().as_bytes().as_slice())
    .execute(&world.admin)
    .await
    .expect("a source");
    key.reveal().to_owned()
}

async fn post(world: &World, key: &str, path: &str, body: &Value) -> Reply {
    world.post_from(HOME, path, Some(key), body).await
}

async fn ask(world: &World, method: &str, key: &str, path: &str, body: Value) -> Reply {
    let request = Request::builder().method(method).uri(path).header("x-api-key", key);
    world.call(HOME, request.body(Body::from(body.to_string())).expect("a request")).await
}

#[tokio::test]
async fn a_list_is_made_filled_seen_again_and_thinned_out() {
    let world = World::new().await;
    let key = source(&world, "cmdb").await;
    world.scanner("berlin").await;
    let body = json!({ "name": "servers", "scannerName": "BERLIN" });
    let made = post(&world, &key, LISTS, &body).await;
    assert_eq!((made.status.as_u16(), made.json()["ipCount"].clone()), (201, json!(0)), "{}", made.text());
    assert_eq!(post(&world, &key, LISTS, &body).await.status.as_u16(), 200, "the same again is the same list");

    let ips = format!("{LISTS}/servers/ips");
    let body =
        json!({ "ips": ["10.0.0.1", "10.0.0.2", "10.0.0.1", "2001:DB8::1", "10.0.0.0/24", "::ffff:10.0.0.9", "x"] });
    let pushed = post(&world, &key, &ips, &body).await.good();
    assert_eq!((&pushed["inserted"], &pushed["refreshed"]), (&json!(3), &json!(0)), "{pushed}");
    let rejected: Vec<&Value> = pushed["rejected"].as_array().expect("a list").iter().map(|r| &r["value"]).collect();
    assert_eq!(rejected, ["10.0.0.0/24", "::ffff:10.0.0.9", "x"]);
    assert!(pushed["rejected"][0]["reason"].as_str().expect("a reason").contains("single addresses"), "{pushed}");

    world.clock.advance(Duration::hours(1));
    let between = world.clock.now();
    world.clock.advance(Duration::hours(1));
    let again = post(&world, &key, &ips, &json!({ "ips": ["10.0.0.2", "10.0.0.3"] })).await.good();
    assert_eq!((&again["inserted"], &again["refreshed"]), (&json!(1), &json!(1)));
    let lists = ask(&world, "GET", &key, LISTS, json!({})).await.good();
    assert_eq!(
        (&lists[0]["name"], &lists[0]["ipCount"], &lists[0]["scannerName"]),
        (&json!("servers"), &json!(4), &json!("berlin"))
    );
    assert!(lists[0]["lastPushAt"].is_string(), "{lists}");

    let older = format!("{ips}/older-than");
    let deleted = ask(&world, "DELETE", &key, &older, json!({ "olderThan": between })).await.good();
    assert_eq!(deleted, json!({ "deleted": 2 }));
    assert_eq!(
        world.text("select string_agg(host(ip), ' ' order by ip) from config.discovery_ips").await,
        "10.0.0.2 10.0.0.3"
    );
    assert_eq!(world.number("select ip_count::bigint from config.discovery_lists").await, 2);
    assert_eq!(
        ask(&world, "DELETE", &key, &older, json!({ "olderThan": between })).await.good(),
        json!({ "deleted": 0 })
    );

    // What changes targets is in the audit chain, under the name of the source; what is seen again alone is not.
    post(&world, &key, &ips, &json!({ "ips": ["10.0.0.2"] })).await.good();
    let audit = "select string_agg(action, ', ' order by seq) from config.audit_events where actor = 'cmdb'";
    assert_eq!(world.text(audit).await, "created, addresses added, addresses added, addresses removed");
    assert!(world.number("select count(*) from config.live_events where topic = 'discovery'").await >= 5);
}

#[tokio::test]
async fn assignments_are_checked() {
    let world = World::new().await;
    let key = source(&world, "cmdb").await;
    let north = world.scanner("north").await;
    sqlx::query(
        "with g as (insert into config.scanner_groups (id, name) values (gen_random_uuid(), 'all') returning id)
                 insert into config.scanner_group_members select g.id, $1 from g",
    )
    .bind(north.id.as_uuid())
    .execute(&world.admin)
    .await
    .expect("a group");
    let code = |reply: &Reply| (reply.status.as_u16(), reply.refusal());
    let cases = [
        (json!({ "name": "a", "scannerName": "nobody" }), (404, "SCANNER_NOT_FOUND")),
        (json!({ "name": "a", "scannerGroupName": "north" }), (404, "SCANNER_NOT_FOUND")),
        (json!({ "name": "a" }), (422, "INVALID")),
        (json!({ "name": "a", "scannerName": "north", "scannerGroupName": "all" }), (422, "INVALID")),
        (json!({ "name": "a b", "scannerName": "north" }), (422, "INVALID")),
        (json!({ "scannerName": "north" }), (422, "INVALID")),
        (json!({ "name": "a", "scannerName": "north", "rate": 5 }), (422, "INVALID")),
    ];
    for (body, wanted) in cases {
        let refused = post(&world, &key, LISTS, &body).await;
        assert_eq!(code(&refused), (wanted.0, wanted.1.to_owned()), "{body}: {}", refused.text());
    }
    assert_eq!(world.number("select count(*) from config.discovery_lists").await, 0);
    let made = post(&world, &key, LISTS, &json!({ "name": "a", "scannerGroupName": "All" })).await.good();
    assert_eq!((&made["scannerGroupName"], &made["scannerName"]), (&json!("all"), &json!(null)));
    let other = post(&world, &key, LISTS, &json!({ "name": "A", "scannerName": "north" })).await;
    assert_eq!(code(&other), (409, "OTHER_ASSIGNMENT".to_owned()));
}

#[tokio::test]
async fn a_source_touches_its_own_lists_alone() {
    let world = World::new().await;
    let (one, two) = (source(&world, "one").await, source(&world, "two").await);
    let scanner = world.scanner("north").await;
    post(&world, &one, LISTS, &json!({ "name": "servers", "scannerName": "north" })).await.good();
    post(&world, &one, &format!("{LISTS}/servers/ips"), &json!({ "ips": ["10.0.0.1"] })).await.good();
    assert_eq!(ask(&world, "GET", &two, LISTS, json!({})).await.good(), json!([]));
    for name in ["servers", "no-such", "a%20b", "%00"] {
        let path = format!("{LISTS}/{name}/ips");
        let refused = post(&world, &two, &path, &json!({ "ips": ["10.0.0.2"] })).await;
        assert_eq!((refused.status.as_u16(), refused.refusal().as_str()), (404, "LIST_NOT_FOUND"), "{name}");
        let body = json!({ "olderThan": world.clock.now() + Duration::days(1) });
        let refused = ask(&world, "DELETE", &two, &format!("{path}/older-than"), body).await;
        assert_eq!(refused.refusal(), "LIST_NOT_FOUND", "{name}");
    }
    // The same name is another list.
    post(&world, &two, LISTS, &json!({ "name": "servers", "scannerName": "north" })).await.good();
    assert_eq!(world.number("select count(*) from config.discovery_ips").await, 1);

    // A key of the other kind opens nothing, either way round.
    assert_eq!(ask(&world, "GET", &scanner.key, LISTS, json!({})).await.refusal(), "INVALID_KEY");
    assert_eq!(post(&world, &one, "/scanner/heartbeat", &json!({})).await.refusal(), "INVALID_KEY");
}

#[tokio::test]
async fn wrong_replaced_and_disabled_keys_are_refused_and_guessing_is_slow() {
    let settings = Settings { unauth_calls_per_minute: 4, key_calls_per_minute: 6, ..Settings::default() };
    let world = World::with(settings).await;
    let key = source(&world, "cmdb").await;
    let call = async |key: &str| ask(&world, "GET", key, LISTS, json!({})).await;
    assert!(call(&key).await.status.is_success());
    let (start, _) = key.rsplit_once('_').expect("a key");
    let guess = format!("{start}_{}", "0".repeat(43));
    assert_eq!(call(&guess).await.refusal(), "INVALID_KEY");
    assert_eq!(call("x").await.refusal(), "INVALID_KEY");
    assert_eq!(world.post_from(HOME, LISTS, None, &json!({})).await.refusal(), "INVALID_KEY");
    assert_eq!(call(&guess).await.refusal(), "RATE_LIMITED", "the address has used up its calls");
    assert!(call(&key).await.status.is_success(), "a key that was good has its own measure");

    world.run("update config.discovery_sources set enabled = false").await;
    let refused = call(&key).await;
    assert_eq!((refused.status.as_u16(), refused.refusal().as_str()), (403, "SOURCE_DISABLED"));
    world.run("update config.discovery_sources set enabled = true, key_hash = decode(repeat('00', 32), 'hex')").await;
    assert_eq!(call(&key).await.refusal(), "INVALID_KEY");
}

#[tokio::test]
async fn limits_of_size_are_held() {
    let world = World::new().await;
    let key = source(&world, "cmdb").await;
    world.scanner("north").await;
    post(&world, &key, LISTS, &json!({ "name": "big", "scannerName": "north" })).await.good();
    let ips = format!("{LISTS}/big/ips");
    let many = |n: u32| (0..n).map(|n| format!("10.{}.{}.{}", n >> 16, (n >> 8) & 255, n & 255)).collect::<Vec<_>>();
    let refused = post(&world, &key, &ips, &json!({ "ips": many(10_001) })).await;
    assert_eq!((refused.status.as_u16(), refused.json()["fields"][0]["field"].clone()), (422, json!("ips")));
    assert_eq!(post(&world, &key, &ips, &json!({ "ips": many(10_000) })).await.good()["inserted"], 10_000);
    let large = json!({ "ips": ["x".repeat(1_100_000)] });
    assert_eq!(post(&world, &key, &ips, &large).await.refusal(), "TOO_LARGE");
    for (body, field) in [(json!({}), "ips"), (json!({ "ips": "10.0.0.1" }), "ips"), (json!({ "ips": [1] }), "ips[0]")]
    {
        let refused = post(&world, &key, &ips, &body).await;
        assert_eq!((refused.refusal().as_str(), &refused.json()["fields"][0]["field"]), ("INVALID", &json!(field)));
    }
    let refused = ask(&world, "DELETE", &key, &format!("{ips}/older-than"), json!({ "olderThan": "yesterday" })).await;
    assert_eq!(refused.json()["fields"][0]["field"], "olderThan");

    // A full list still sees again what it holds, and says of the rest that there is no room.
    world.run("update config.discovery_lists set ip_count = 1000000").await;
    let full = post(&world, &key, &ips, &json!({ "ips": ["10.0.0.1", "192.168.0.1"] })).await.good();
    assert_eq!((&full["inserted"], &full["refreshed"]), (&json!(0), &json!(1)));
    assert_eq!(full["rejected"][0]["value"], "192.168.0.1");
    assert!(full["rejected"][0]["reason"].as_str().expect("a reason").contains("full"), "{full}");
}

#[tokio::test]
async fn pushes_at_the_same_time_count_each_address_once() {
    let world = World::new().await;
    let key = source(&world, "cmdb").await;
    world.scanner("north").await;
    let body = json!({ "name": "servers", "scannerName": "north" });
    let (a, b) = tokio::join!(post(&world, &key, LISTS, &body), post(&world, &key, LISTS, &body));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201]);
    let ips = format!("{LISTS}/servers/ips");
    let body = json!({ "ips": (1..=50).map(|n| format!("10.0.0.{n}")).collect::<Vec<_>>() });
    let (a, b) = tokio::join!(post(&world, &key, &ips, &body), post(&world, &key, &ips, &body));
    let sum = |field: &str| a.good()[field].as_u64().expect("a number") + b.good()[field].as_u64().expect("a number");
    assert_eq!((sum("inserted"), sum("refreshed")), (50, 50));
    assert_eq!(world.number("select ip_count::bigint from config.discovery_lists").await, 50);
}
