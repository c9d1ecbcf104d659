//! `/api/config/subnets`
use axum::http::Method;
use serde_json::json;

use super::{call, id, made, read, refuses, template};
use crate::support::World;

const PATH: &str = "/api/config/subnets";

#[tokio::test]
async fn a_subnet_lives_from_create_to_delete() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let scanner = made(&mut owner, "/api/scanners", json!({ "name": "berlin" })).await;
    let scanner = id(&scanner["scanner"]);

    let body = json!({ "name": "office", "cidr": "10.20.0.0/19", "description": "Floor 2", "rateLimit": 600 });
    let subnet = made(&mut owner, PATH, body).await;
    assert_eq!((&subnet["ipCount"], &subnet["version"]), (&json!(8192), &json!(1)), "{subnet}");
    let path = format!("{PATH}/{}", id(&subnet));

    let body = json!({ "version": 1, "cidr": "10.20.0.0/20" });
    let edited = call(&mut owner, Method::PUT, &path, body.clone()).await.expect(200).json();
    assert_eq!(
        (&edited["cidr"], &edited["name"], &edited["version"]),
        (&json!("10.20.0.0/20"), &json!("office"), &json!(2))
    );
    let stale = call(&mut owner, Method::PUT, &path, body).await.expect(409);
    assert_eq!(stale.code(), "STALE_VERSION");
    let body = json!({ "version": 2, "scannerIds": [scanner] });
    let assigned = call(&mut owner, Method::PUT, &format!("{path}/scanners"), body).await.expect(200).json();
    assert_eq!(assigned["scanners"][0]["name"], "berlin", "{assigned}");

    let copy = made(&mut owner, &format!("{path}/clone"), json!({ "name": "office-2" })).await;
    assert_eq!((&copy["cidr"], &copy["scanners"][0]["name"]), (&json!("10.20.0.0/20"), &json!("berlin")), "{copy}");
    let found = read(&mut owner, &format!("{PATH}?sort=-name&pageSize=1")).await;
    assert_eq!((&found["total"], &found["items"][0]["name"]), (&json!(2), &json!("office-2")), "{found}");
    let found = read(&mut owner, &format!("{PATH}?q=floor+office-2&assigned=yes&family=ipv4")).await;
    assert_eq!(found["total"], 1, "{found}");

    let history = read(&mut owner, &format!("{path}/history")).await;
    let actions: Vec<_> = history["items"].as_array().unwrap().iter().map(|change| &change["action"]).collect();
    assert_eq!(actions, ["scanners assigned", "updated", "created"], "{history}");
    assert_eq!(history["items"][1]["diff"]["before"]["cidr"], "10.20.0.0/19");

    owner.api(Method::DELETE, &path, None).await.expect(204);
    owner.api(Method::GET, &path, None).await.expect(404);
    let live = world.number("select count(*) from config.live_events where topic = 'config'").await;
    assert!(live >= 5, "{live} live events");
}

#[tokio::test]
async fn wrong_values_are_named_and_nothing_is_stored() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let subnet = made(&mut owner, PATH, json!({ "name": "office", "cidr": "10.0.0.0/24" })).await;
    let unknown = "0190f1a5-0000-7000-8000-000000000000";
    let good = json!({ "name": "lab", "cidr": "10.1.0.0/24" });
    let with = |field: &str, value: serde_json::Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let cases = vec![
        (json!({}), vec!["name"]),
        (with("name", json!("")), vec!["name"]),
        (with("name", json!("two words")), vec!["name"]),
        (with("name", json!("x".repeat(65))), vec!["name"]),
        (with("cidr", json!("")), vec!["cidr"]),
        (with("cidr", json!("10.1.0.7/24")), vec!["cidr"]),
        (with("cidr", json!("10.1.0.0/33")), vec!["cidr"]),
        (with("cidr", json!("2001:db8::/129")), vec!["cidr"]),
        (with("cidr", json!("::ffff:10.0.0.1")), vec!["cidr"]),
        (with("cidr", json!("host.example")), vec!["cidr"]),
        (with("description", json!("x".repeat(10_001))), vec!["description"]),
        (with("rateLimit", json!(-1)), vec!["rateLimit"]),
        (with("rateLimit", json!(100_001)), vec!["rateLimit"]),
        (with("rateLimit", json!("many")), vec!["rateLimit"]),
        (with("scannerIds", json!([unknown])), vec!["scannerIds[0]"]),
        (with("colour", json!("red")), vec!["colour"]),
        (json!({ "name": "a b", "cidr": "x", "rateLimit": -1 }), vec!["name", "cidr", "rateLimit"]),
    ];
    refuses(&world, &mut owner, Method::POST, PATH, cases).await;
    let path = format!("{PATH}/{}", id(&subnet));
    let cases = vec![
        (json!({ "name": "lab" }), vec!["version"]),
        (json!({ "version": 1, "cidr": "10.0.0.1/24" }), vec!["cidr"]),
        (json!({ "version": 1, "ipCount": 5 }), vec!["ipCount"]),
    ];
    refuses(&world, &mut owner, Method::PUT, &path, cases).await;

    let taken =
        call(&mut owner, Method::POST, PATH, json!({ "name": "OFFICE", "cidr": "10.9.0.0/24" })).await.expect(409);
    assert_eq!(taken.code(), "NAME_TAKEN");
    for path in [format!("{PATH}/{unknown}"), format!("{PATH}/x")] {
        owner.api(Method::GET, &path, None).await.expect(404);
    }
    let refused = owner.api(Method::GET, &format!("{PATH}?page=0&sort=colour&shape=round"), None).await.expect(422);
    assert_eq!(refused.fields(), ["page", "sort", "shape"]);
    let refused = owner.api(Method::GET, &format!("{PATH}/filter-values?column=name"), None).await.expect(422);
    assert_eq!(refused.fields(), ["column"]);
}

#[tokio::test]
async fn a_subnet_in_use_says_by_what() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let subnet = made(&mut owner, PATH, json!({ "name": "office", "cidr": "10.0.0.0/24" })).await;
    let template = template(&mut owner, "nightly", &id(&subnet)).await;
    let path = format!("{PATH}/{}", id(&subnet));
    let refused = owner.api(Method::DELETE, &path, None).await.expect(409);
    assert_eq!(refused.code(), "IN_USE");
    let used = &refused.json()["usedBy"][0];
    assert_eq!(
        (&used["name"], &used["path"]),
        (&json!("nightly"), &json!(format!("/config/scan-templates/{}", id(&template))))
    );
    let details = read(&mut owner, &format!("{path}/details")).await;
    assert_eq!(
        (&details["name"], &details["usedBy"][0]["kind"]),
        (&json!("office"), &json!("scan template")),
        "{details}"
    );

    owner.api(Method::DELETE, &format!("/api/config/scan-templates/{}", id(&template)), None).await.expect(204);
    owner.api(Method::DELETE, &path, None).await.expect(204);
}

#[tokio::test]
async fn a_viewer_reads_and_changes_nothing() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let subnet = made(&mut owner, PATH, json!({ "name": "office", "cidr": "10.0.0.0/24" })).await;
    let path = format!("{PATH}/{}", id(&subnet));
    world.user("vera", &["viewer"]).await;
    let mut viewer = world.signed_in("vera").await;
    assert_eq!(read(&mut viewer, PATH).await["total"], 1);
    read(&mut viewer, &path).await;
    for (method, path, body) in [
        (Method::POST, PATH.to_owned(), Some(json!({ "name": "lab", "cidr": "10.1.0.0/24" }))),
        (Method::PUT, path.clone(), Some(json!({ "version": 1, "name": "lab" }))),
        (Method::POST, format!("{path}/clone"), Some(json!({ "name": "lab" }))),
        (Method::DELETE, path, None),
    ] {
        let refused = viewer.api(method, &path, body).await.expect(403);
        assert_eq!(refused.code(), "FORBIDDEN", "{path}");
    }
    assert_eq!(world.number("select count(*) from config.subnets").await, 1);
}
