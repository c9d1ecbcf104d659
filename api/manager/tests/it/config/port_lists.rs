//! `/api/config/port-lists`
use axum::http::Method;
use serde_json::json;

use super::{call, id, made, read, refuses, template};
use crate::support::World;

const PATH: &str = "/api/config/port-lists";

#[tokio::test]
async fn three_lists_are_built_in_and_stay_as_they_are() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let lists = read(&mut owner, &format!("{PATH}?builtIn=true&sort=ports")).await;
    let seen: Vec<_> =
        lists["items"].as_array().unwrap().iter().map(|list| (&list["name"], &list["tcpCount"])).collect();
    assert_eq!(
        seen,
        [(&json!("top-100"), &json!(100)), (&json!("top-1000"), &json!(1000)), (&json!("all"), &json!(65535))]
    );
    let path = format!("{PATH}/{}", id(&lists["items"][0]));
    let refused = call(&mut owner, Method::PUT, &path, json!({ "version": 1, "ports": "22" })).await.expect(403);
    assert_eq!(refused.code(), "BUILT_IN");
    assert!(refused.json()["detail"].as_str().unwrap().contains("clone"), "{}", refused.body);
    assert_eq!(owner.api(Method::DELETE, &path, None).await.expect(403).code(), "BUILT_IN");

    let copy = made(&mut owner, &format!("{path}/clone"), json!({ "name": "my-100" })).await;
    assert_eq!((&copy["tcpCount"], &copy["builtIn"]), (&json!(100), &json!(false)), "{copy}");
    let body = json!({ "version": 1, "ports": "22,443" });
    let edited = call(&mut owner, Method::PUT, &format!("{PATH}/{}", id(&copy)), body).await.expect(200).json();
    assert_eq!(edited["ports"], "22,443");
}

#[tokio::test]
async fn seeding_again_restores_what_is_missing_and_nothing_else() {
    let world = World::new().await;
    let before = world.number("select count(*) from config.port_lists").await;
    mipo_manager::service::seed(&world.app).await.expect("seeds");
    assert_eq!(world.number("select count(*) from config.port_lists").await, before);
    world.tamper("delete from config.port_lists where name = 'all'").await;
    mipo_manager::service::seed(&world.app).await.expect("seeds");
    assert_eq!(world.number("select count(*) from config.port_lists").await, before);
}

#[tokio::test]
async fn each_bad_piece_of_a_port_text_is_named_with_its_place() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let body = json!({ "ports": "80, 22,80/tcp 8000-8002,53/udp" });
    let parsed = call(&mut owner, Method::POST, &format!("{PATH}/parse"), body).await.expect(200).json();
    assert_eq!(parsed["tcp"], json!([[22, 22], [80, 80], [8000, 8002]]), "{parsed}");
    assert_eq!((&parsed["tcpCount"], &parsed["udpCount"]), (&json!(5), &json!(1)));

    let refused =
        call(&mut owner, Method::POST, &format!("{PATH}/parse"), json!({ "ports": "22,abc,70000, 22/icmp" })).await;
    let refused = refused.expect(422);
    assert_eq!(refused.fields(), ["ports[0]", "ports[1]", "ports[2]"]);
    for told in ["abc", "70000", "22/icmp", "character 4", "character 8", "character 15"] {
        assert!(refused.body.contains(told), "{told}: {}", refused.body);
    }
    let cases = vec![
        (json!({ "name": "web" }), vec!["ports"]),
        (json!({ "name": "web", "ports": "" }), vec!["ports"]),
        (json!({ "name": "web", "ports": "0" }), vec!["ports[0]"]),
        (json!({ "name": "web", "ports": "90-80" }), vec!["ports[0]"]),
        (json!({ "name": "a b", "ports": "x", "rateLimit": 100_001 }), vec!["name", "rateLimit", "ports[0]"]),
        (json!({ "name": "web", "ports": [80] }), vec!["ports"]),
        (json!({ "name": "web", "ports": "80", "builtIn": true }), vec!["builtIn"]),
    ];
    refuses(&world, &mut owner, Method::POST, PATH, cases).await;
    let taken = call(&mut owner, Method::POST, PATH, json!({ "name": "ALL", "ports": "80" })).await.expect(409);
    assert_eq!(taken.code(), "NAME_TAKEN");
}

#[tokio::test]
async fn a_list_in_use_says_by_what() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let subnet = made(&mut owner, "/api/config/subnets", json!({ "name": "office", "cidr": "10.0.0.0/24" })).await;
    let list = made(&mut owner, PATH, json!({ "name": "web", "ports": "80,443,53/udp" })).await;
    let body = json!({ "name": "nightly", "subnetIds": [id(&subnet)], "portListIds": [id(&list)] });
    made(&mut owner, "/api/config/scan-templates", body).await;
    let refused = owner.api(Method::DELETE, &format!("{PATH}/{}", id(&list)), None).await.expect(409);
    assert_eq!((refused.code().as_str(), &refused.json()["usedBy"][0]["name"]), ("IN_USE", &json!("nightly")));
    template(&mut owner, "other", &id(&subnet)).await;
}
