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
        (
            json!({ "name": "t", "subnetIds": [subnet], "portListIds": [list], "fqdnIds": [unknown] }),
            vec!["fqdnIds[0]"],
        ),
        (
            json!({ "name": "t", "subnetGroupIds": [unknown], "portListGroupIds": [unknown] }),
            vec!["subnetGroupIds[0]", "portListGroupIds[0]"],
        ),
        (
            json!({ "name": "t", "fqdnGroupIds": [unknown], "discoveryListIds": [unknown], "portListIds": [list] }),
            vec!["fqdnGroupIds[0]", "discoveryListIds[0]"],
        ),
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

/// A subnet by group, a name, a discovery list, and ports by group; a scanner reached twice.
const SOURCES: &str = "
  insert into config.scanners (id, name, status, created_by) values ('0190f1a5-0000-7000-8000-000000000001', 'berlin', 'pending', 'test');
  insert into config.scanner_groups (id, name) values ('0190f1a5-0000-7000-8000-0000000000a1', 'all-of-them');
  insert into config.scanner_group_members values ('0190f1a5-0000-7000-8000-0000000000a1', '0190f1a5-0000-7000-8000-000000000001');
  insert into config.subnets (id, name, cidr) values ('0190f1a5-0000-7000-8000-0000000000b1', 'lab', '10.7.0.0/30');
  insert into config.subnet_groups (id, name) values ('0190f1a5-0000-7000-8000-0000000000b3', 'labs');
  insert into config.subnet_group_members values ('0190f1a5-0000-7000-8000-0000000000b3', '0190f1a5-0000-7000-8000-0000000000b1');
  insert into config.target_scanners (subnet_id, scanner_group_id) values ('0190f1a5-0000-7000-8000-0000000000b1', '0190f1a5-0000-7000-8000-0000000000a1');
  insert into config.target_scanners (subnet_id, scanner_id) values ('0190f1a5-0000-7000-8000-0000000000b1', '0190f1a5-0000-7000-8000-000000000001');
  insert into config.fqdns (id, name, hostname) values ('0190f1a5-0000-7000-8000-0000000000c1', 'web', 'www.example.org');
  insert into config.target_scanners (fqdn_id, scanner_group_id) values ('0190f1a5-0000-7000-8000-0000000000c1', '0190f1a5-0000-7000-8000-0000000000a1');
  insert into config.fqdn_groups (id, name) values ('0190f1a5-0000-7000-8000-0000000000c2', 'sites');
  insert into config.fqdn_group_members values ('0190f1a5-0000-7000-8000-0000000000c2', '0190f1a5-0000-7000-8000-0000000000c1');
  insert into config.discovery_sources (id, name, key_prefix, key_hash) values ('0190f1a5-0000-7000-8000-0000000000d1', 'cmdb', 'p', decode(repeat('00', 32), 'hex'));
  insert into config.discovery_lists (id, source_id, name, scanner_id, ip_count) values ('0190f1a5-0000-7000-8000-0000000000d2', '0190f1a5-0000-7000-8000-0000000000d1', 'hosts', '0190f1a5-0000-7000-8000-000000000001', 2);
  insert into config.discovery_ips (list_id, ip) values ('0190f1a5-0000-7000-8000-0000000000d2', '10.7.0.1'), ('0190f1a5-0000-7000-8000-0000000000d2', '10.9.0.7');
  insert into config.port_lists (id, name, tcp_ports) values ('0190f1a5-0000-7000-8000-0000000000e1', 'web', '{[80,81),[443,444)}');
  insert into config.port_list_groups (id, name) values ('0190f1a5-0000-7000-8000-0000000000e3', 'few');
  insert into config.port_list_group_members values ('0190f1a5-0000-7000-8000-0000000000e3', '0190f1a5-0000-7000-8000-0000000000e1');
";

#[tokio::test]
async fn every_kind_of_source_is_taken_and_counted_once() {
    let world = World::new().await;
    world.tamper(SOURCES).await;
    let mut owner = world.signed_in("owner").await;
    let number = |end: &str| format!("0190f1a5-0000-7000-8000-0000000000{end}");
    let body = json!({
        "name": "all-kinds", "subnetGroupIds": [number("b3")], "fqdnIds": [number("c1")], "fqdnGroupIds": [number("c2")],
        "discoveryListIds": [number("d2")], "portListGroupIds": [number("e3")],
    });
    let template = made(&mut owner, PATH, body.clone()).await;
    let names =
        |field: &str| template[field].as_array().unwrap().iter().map(|it| it["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names("subnetGroups"), ["labs"], "{template}");
    assert_eq!((names("fqdns"), names("fqdnGroups")), (vec![json!("web")], vec![json!("sites")]));
    assert_eq!((names("discoveryLists"), names("portListGroups")), (vec![json!("cmdb/hosts")], vec![json!("few")]));
    // Four of the subnet and one of the list that is not among them; nobody has resolved the name.
    assert_eq!((&template["ips"], &template["ports"], &template["probes"]), (&json!(5), &json!(2), &json!(10)));
    let mut asked = body;
    asked.as_object_mut().unwrap().remove("name");
    let summary = call(&mut owner, Method::POST, &format!("{PATH}/summary"), asked.clone()).await.expect(200).json();
    assert_eq!((&summary["unresolved"], &summary["runnable"]), (&json!(1), &json!(true)), "{summary}");
    assert_eq!(
        summary["scanners"].as_array().unwrap().len(),
        1,
        "one scanner, however many ways lead to it: {summary}"
    );
    assert_eq!(summary["scanners"][0]["probes"], 10);

    world.tamper("update config.fqdns set last_resolved = '[\"10.7.0.1\", \"192.168.7.7\"]', last_resolved_at = now(), allowed_cidrs = '{192.168.0.0/16}'").await;
    let summary = call(&mut owner, Method::POST, &format!("{PATH}/summary"), asked).await.expect(200).json();
    assert_eq!((&summary["ips"], &summary["unresolved"]), (&json!(6), &json!(0)), "{summary}");

    // One kind is changed and the others stay; of its own kind everything is said.
    let path = format!("{PATH}/{}", id(&template));
    let body = json!({ "version": 1, "fqdnIds": [], "subnetIds": [number("b1")] });
    let edited = call(&mut owner, Method::PUT, &path, body).await.expect(200).json();
    assert_eq!((edited["fqdns"].as_array().unwrap().len(), edited["subnets"].as_array().unwrap().len()), (0, 1));
    assert_eq!(
        (&edited["fqdnGroups"], &edited["portListGroups"]),
        (&template["fqdnGroups"], &template["portListGroups"])
    );
    let body =
        json!({ "version": 2, "subnetIds": [], "subnetGroupIds": [], "fqdnGroupIds": [], "discoveryListIds": [] });
    let refused = call(&mut owner, Method::PUT, &path, body).await.expect(422);
    assert_eq!(refused.fields(), ["subnetIds"], "{}", refused.body);

    let page = owner.get(&format!("/config/scan-templates/{}", id(&template))).await.expect(200).body;
    for (field, ticked) in
        [("subnetGroupIds", "b3"), ("fqdnGroupIds", "c2"), ("discoveryListIds", "d2"), ("portListGroupIds", "e3")]
    {
        let id = number(ticked);
        let rest = page.split(&format!(r#"name="{field}" value="{id}""#)).nth(1).expect("the box");
        let found = rest.split('>').next().is_some_and(|tag| tag.contains("checked"));
        assert!(found, "{field}: {page}");
    }
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
