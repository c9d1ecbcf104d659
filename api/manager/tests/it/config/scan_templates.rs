//! `/api/config/scan-templates`
use axum::http::Method;
use serde_json::json;

use super::{call, id, made, read, refuses, template};
use crate::support::World;

const PATH: &str = "/api/config/scan-templates";

#[tokio::test]
async fn a_template_lives_from_create_to_delete() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let a = made(&mut owner, "/api/config/subnets", json!({ "name": "a", "cidr": "10.0.0.0/24" })).await;
    let b = made(&mut owner, "/api/config/subnets", json!({ "name": "b", "cidr": "10.0.0.128/25" })).await;
    let nightly = template(&mut owner, "nightly", &id(&a)).await;
    assert_eq!((&nightly["ips"], &nightly["ports"], &nightly["probes"]), (&json!(256), &json!(100), &json!(25_600)));

    let path = format!("{PATH}/{}", id(&nightly));
    let body = json!({ "version": 1, "subnetIds": [id(&a), id(&b)], "description": "both" });
    let edited = call(&mut owner, Method::PUT, &path, body.clone()).await.expect(200).json();
    // The second lies in the first: each address counts once.
    assert_eq!((&edited["ips"], edited["subnets"].as_array().unwrap().len()), (&json!(256), 2), "{edited}");
    assert_eq!(call(&mut owner, Method::PUT, &path, body).await.expect(409).code(), "STALE_VERSION");
    let headers = [("if-match", "\"2\"")];
    let answer =
        owner.api_with(Method::PUT, &path, Some(json!({ "name": "night" })), &headers).await.expect(200).json();
    assert_eq!((&answer["name"], &answer["version"]), (&json!("night"), &json!(3)));

    let copy = made(&mut owner, &format!("{path}/clone"), json!({ "name": "copy" })).await;
    assert_eq!(copy["subnets"], edited["subnets"]);
    assert_eq!(read(&mut owner, PATH).await["total"], 2);
    assert_eq!(read(&mut owner, &format!("{PATH}/filter-values?column=createdBy")).await["values"], json!(["owner"]));
    owner.api(Method::DELETE, &path, None).await.expect(204);
    assert_eq!(world.number("select count(*) from config.scan_template_targets").await, 2);
}

#[tokio::test]
async fn wrong_values_are_named_and_nothing_is_stored() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let subnet = made(&mut owner, "/api/config/subnets", json!({ "name": "a", "cidr": "10.0.0.0/24" })).await;
    let lists = read(&mut owner, "/api/config/port-lists").await;
    let (subnet, list) = (id(&subnet), id(&lists["items"][0]));
    let unknown = "0190f1a5-0000-7000-8000-000000000000";
    let cases = vec![
        (json!({ "name": "t" }), vec!["subnetIds", "portListIds"]),
        (json!({ "name": "t", "subnetIds": [unknown], "portListIds": [list] }), vec!["subnetIds[0]"]),
        (json!({ "name": "t", "subnetIds": [subnet], "portListIds": [unknown] }), vec!["portListIds[0]"]),
        (json!({ "name": "t", "subnetIds": ["x"], "portListIds": [list] }), vec!["subnetIds[0]"]),
        (json!({ "name": "t", "subnetIds": [subnet], "portListIds": [list], "fqdnIds": [unknown] }), vec!["fqdnIds"]),
        (json!({ "name": "t t", "subnetIds": [subnet], "portListIds": [list] }), vec!["name"]),
        (json!({ "name": "t", "subnetIds": [subnet], "portListIds": [list], "tests": [] }), vec!["tests"]),
    ];
    refuses(&world, &mut owner, Method::POST, PATH, cases).await;
}

#[tokio::test]
async fn the_summary_counts_each_address_once_less_what_is_excluded() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let enrolment = made(&mut owner, "/api/scanners", json!({ "name": "berlin", "rateLimit": 100 })).await;
    let scanner = id(&enrolment["scanner"]);
    let a =
        made(&mut owner, "/api/config/subnets", json!({ "name": "a", "cidr": "10.0.0.0/24", "scannerIds": [scanner] }))
            .await;
    let b = made(&mut owner, "/api/config/subnets", json!({ "name": "b", "cidr": "10.0.0.0/25" })).await;
    let list = made(&mut owner, "/api/config/port-lists", json!({ "name": "web", "ports": "80,443,53/udp" })).await;
    for body in [
        json!({ "name": "printer", "cidr": "10.0.0.9", "reason": "prints what it is sent" }),
        json!({ "name": "plc", "cidr": "10.0.0.10", "ports": "80", "reason": "fragile" }),
    ] {
        made(&mut owner, "/api/config/exclusions", body).await;
    }
    let body = json!({ "subnetIds": [id(&a), id(&b)], "portListIds": [id(&list)] });
    let summary = call(&mut owner, Method::POST, &format!("{PATH}/summary"), body).await.expect(200).json();
    assert_eq!((&summary["ips"], &summary["excludedIps"]), (&json!(255), &json!(1)), "{summary}");
    assert_eq!((&summary["ports"], &summary["udpPorts"], &summary["probes"]), (&json!(2), &json!(1), &json!(509)));
    let vantages: Vec<_> = summary["scanners"].as_array().unwrap().iter().map(|s| (&s["name"], &s["probes"])).collect();
    assert_eq!(vantages, [(&json!("berlin"), &json!(509))], "{summary}");
    let codes: Vec<_> = summary["warnings"].as_array().unwrap().iter().map(|warning| &warning["code"]).collect();
    assert_eq!(codes, ["no_scanner", "scanner_pending", "excluded", "udp"], "{summary}");
    assert_eq!(summary["runnable"], true);

    call(&mut owner, Method::POST, &format!("/api/scanners/{scanner}/disable"), json!({})).await.expect(200);
    let body = json!({ "subnetIds": [id(&a)], "portListIds": [id(&list)] });
    let summary = call(&mut owner, Method::POST, &format!("{PATH}/summary"), body).await.expect(200).json();
    assert_eq!(summary["runnable"], false, "{summary}");
    assert!(summary["warnings"].as_array().unwrap().iter().any(|w| w["code"] == "no_scanner" && w["blocks"] == true));
    let empty = call(&mut owner, Method::POST, &format!("{PATH}/summary"), json!({})).await.expect(200).json();
    assert_eq!((&empty["probes"], &empty["runnable"], &empty["warnings"]), (&json!(0), &json!(false), &json!([])));
}

#[tokio::test]
async fn too_large_a_scope_is_told_before_it_is_run() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let subnet = made(&mut owner, "/api/config/subnets", json!({ "name": "v6", "cidr": "fd00::/48" })).await;
    assert_eq!(subnet["ipCount"], json!(null), "more than a number in JSON can say");
    let template = template(&mut owner, "huge", &id(&subnet)).await;
    assert_eq!((&template["ips"], &template["probes"]), (&json!(null), &json!(null)), "{template}");
    let body = json!({ "subnetIds": [id(&subnet)], "portListIds": [template["portLists"][0]["id"]] });
    let summary = call(&mut owner, Method::POST, &format!("{PATH}/summary"), body).await.expect(200).json();
    assert!(summary["warnings"].as_array().unwrap().iter().any(|w| w["code"] == "scope_too_large"), "{summary}");
}
