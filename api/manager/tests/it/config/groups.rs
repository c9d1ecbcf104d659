//! Groups of scanners, subnets and FQDNs, and what is assigned by them.
use axum::http::Method;
use serde_json::{Value, json};

use super::{call, id, made, read, refuses, template};
use crate::support::{Browser, World};

/// A scanner called `name`.
async fn scanner(browser: &mut Browser, name: &str) -> String {
    id(&made(browser, "/api/scanners", json!({ "name": name })).await["scanner"])
}

/// A kind of groups, with two things that it can hold.
struct Kind {
    path: &'static str,
    /// The field of its members in a body, and in an answer.
    field: &'static str,
    members: &'static str,
    held: [String; 2],
}

async fn kinds(owner: &mut Browser) -> [Kind; 5] {
    let scanners = [scanner(owner, "berlin").await, scanner(owner, "oslo").await];
    let mut subnets = Vec::new();
    for (name, cidr) in [("a", "10.0.0.0/24"), ("b", "10.0.0.128/25")] {
        subnets.push(id(&made(owner, "/api/config/subnets", json!({ "name": name, "cidr": cidr })).await));
    }
    let mut fqdns = Vec::new();
    for (name, hostname) in [("www", "www.example.org"), ("mail", "mail.example.org")] {
        fqdns.push(id(&made(owner, "/api/config/fqdns", json!({ "name": name, "hostname": hostname })).await));
    }
    let mut lists = Vec::new();
    for (name, ports) in [("web", "80, 443"), ("tls", "443, 8443")] {
        lists.push(id(&made(owner, "/api/config/port-lists", json!({ "name": name, "ports": ports })).await));
    }
    let mut templates = Vec::new();
    for name in ["inner", "outer"] {
        templates.push(id(&template(owner, name, &subnets[0]).await));
    }
    let pair = |ids: Vec<String>| <[String; 2]>::try_from(ids).expect("two");
    [
        Kind { path: "scanner-groups", field: "scannerIds", members: "scanners", held: scanners },
        Kind { path: "subnet-groups", field: "subnetIds", members: "subnets", held: pair(subnets) },
        Kind { path: "fqdn-groups", field: "fqdnIds", members: "fqdns", held: pair(fqdns) },
        Kind { path: "port-list-groups", field: "portListIds", members: "portLists", held: pair(lists) },
        Kind { path: "scan-template-groups", field: "templateIds", members: "templates", held: pair(templates) },
    ]
}

#[tokio::test]
async fn a_group_lives_from_create_to_delete() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    for Kind { path, field, members, held } in kinds(&mut owner).await {
        let list = format!("/api/config/{path}");
        let group = made(&mut owner, &list, json!({ "name": "edge", "description": "of all", field: held })).await;
        assert_eq!(group[members].as_array().map(Vec::len), Some(2), "{group}");
        let one = format!("{list}/{}", id(&group));
        assert_eq!(read(&mut owner, &one).await, group);
        let edited = call(&mut owner, Method::PUT, &one, json!({ "version": 1, field: [held[0]] })).await.expect(200);
        let edited = edited.json();
        assert_eq!((&edited["version"], edited[members].as_array().map(Vec::len)), (&json!(2), Some(1)), "{edited}");
        assert_eq!(edited["description"], "of all");
        let stale = call(&mut owner, Method::PUT, &one, json!({ "version": 1, "name": "x" })).await.expect(409);
        assert_eq!(stale.code(), "STALE_VERSION");
        let copy = made(&mut owner, &format!("{one}/clone"), json!({ "name": "copy" })).await;
        assert_eq!(copy[members], edited[members]);
        let taken =
            call(&mut owner, Method::POST, &format!("{one}/clone"), json!({ "name": "EDGE" })).await.expect(409);
        assert_eq!(taken.code(), "NAME_TAKEN");
        assert_eq!(read(&mut owner, &format!("{list}?q=edge")).await["total"], 1);
        let values = read(&mut owner, &format!("{list}/filter-values?column=builtIn")).await;
        assert_eq!(values["values"], json!(["false"]));
        assert_eq!(read(&mut owner, &format!("{one}/details")).await["usedBy"], json!([]));
        owner.api(Method::DELETE, &one, None).await.expect(204);
        owner.api(Method::GET, &one, None).await.expect(404);
        let changes = read(&mut owner, &format!("{one}/history")).await;
        let actions: Vec<&Value> =
            changes["items"].as_array().expect("a list").iter().map(|it| &it["action"]).collect();
        assert_eq!(actions, ["deleted", "updated", "created"], "{path}");
    }
}

#[tokio::test]
async fn wrong_values_are_named_and_nothing_is_stored() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let unknown = "0190f1a5-0000-7000-8000-000000000000";
    for Kind { path, field, held, .. } in kinds(&mut owner).await {
        let first = format!("{field}[0]");
        let second = format!("{field}[1]");
        let cases = vec![
            (json!({ "name": "g" }), vec![field]),
            (json!({ "name": "g", field: [] }), vec![field]),
            (json!({ "name": "g", field: [held[0], unknown] }), vec![second.as_str()]),
            (json!({ "name": "g", field: ["x"] }), vec![first.as_str()]),
            (json!({ "name": "two words", field: held }), vec!["name"]),
            (json!({ "name": "g", "description": "x".repeat(10_001), field: held }), vec!["description"]),
            (json!({ "name": "g", field: held, "members": [] }), vec!["members"]),
        ];
        let list = format!("/api/config/{path}");
        refuses(&world, &mut owner, Method::POST, &list, cases).await;
        let stored = made(&mut owner, &list, json!({ "name": "full", field: held })).await;
        let cases = vec![(json!({ "version": 1, field: [] }), vec![field])];
        refuses(&world, &mut owner, Method::PUT, &format!("{list}/{}", id(&stored)), cases).await;
    }
}

#[tokio::test]
async fn groups_of_port_lists_and_templates_are_used_by_templates_and_schedules() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let [_, subnets, _, lists, templates] = kinds(&mut owner).await;
    let body = json!({ "name": "edge", "portListIds": lists.held });
    let ports = made(&mut owner, "/api/config/port-list-groups", body).await;
    assert_eq!(ports["tcpCount"], 3, "each port once");
    let body = json!({ "name": "t", "subnetIds": [subnets.held[0]], "portListGroupIds": [id(&ports)] });
    let by_group = id(&made(&mut owner, "/api/config/scan-templates", body).await);
    let body = json!({ "name": "all", "templateIds": [templates.held[0], templates.held[1], by_group] });
    let all = id(&made(&mut owner, "/api/config/scan-template-groups", body).await);

    let body = json!({ "name": "nightly", "templateIds": [by_group], "templateGroupIds": [all] });
    let nightly = made(&mut owner, "/api/scans/schedules", body).await;
    assert_eq!(nightly["templateGroups"][0]["name"], "all", "{nightly}");
    let path = format!("/api/scans/schedules/{}", id(&nightly));
    let edited =
        call(&mut owner, Method::PUT, &path, json!({ "version": 1, "templateIds": [] })).await.expect(200).json();
    assert_eq!((&edited["templates"], edited["templateGroups"].as_array().map(Vec::len)), (&json!([]), Some(1)));
    let none = json!({ "version": 2, "templateGroupIds": [] });
    assert_eq!(call(&mut owner, Method::PUT, &path, none).await.expect(422).fields(), ["templateIds"]);
    let unknown = json!({ "version": 2, "templateGroupIds": [by_group] });
    assert_eq!(call(&mut owner, Method::PUT, &path, unknown).await.expect(422).fields(), ["templateGroupIds[0]"]);
    let preview = json!({ "type": "daily", "templateGroupIds": [all] });
    let preview = call(&mut owner, Method::POST, "/api/scans/schedules/preview", preview).await.expect(200).json();
    assert_eq!(preview["starts"].as_array().map(Vec::len), Some(5), "{preview}");
    let copy = made(&mut owner, &format!("{path}/clone"), json!({ "name": "copy" })).await;
    assert_eq!(copy["templateGroups"], edited["templateGroups"]);
    let page = owner.get(&format!("/scans/schedules/{}", id(&nightly))).await.expect(200).body;
    assert!(page.contains(&format!(r#"name="templateGroupIds" value="{all}" aria-label="all" checked"#)), "{page}");
    let ran = call(&mut owner, Method::POST, &format!("{path}/run"), json!({})).await.expect(202).json();
    assert_eq!(ran["scanIds"].as_array().map(Vec::len), Some(3), "each template of the group once");

    for (path, user) in [
        (format!("/config/port-list-groups/{}", id(&ports)), format!("/config/scan-templates/{by_group}")),
        (format!("/config/scan-template-groups/{all}"), format!("/scans/schedules/{}", id(&nightly))),
        (format!("/config/port-lists/{}", lists.held[0]), format!("/config/port-list-groups/{}", id(&ports))),
        (format!("/config/scan-templates/{by_group}"), format!("/config/scan-template-groups/{all}")),
    ] {
        assert_eq!(
            owner.api(Method::DELETE, &format!("/api{path}"), None).await.expect(409).code(),
            "IN_USE",
            "{path}"
        );
        let page = owner.get(&format!("{path}/delete")).await.expect(200).body;
        assert!(page.contains(&format!(r#"href="{user}""#)), "{path}: {page}");
        owner.get(&path).await.expect(200);
    }
}

#[tokio::test]
async fn what_is_used_cannot_be_deleted_and_says_by_what() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let [scanners, subnets, fqdns, ..] = kinds(&mut owner).await;
    let mut groups = Vec::new();
    for kind in [&scanners, &subnets, &fqdns] {
        let body = json!({ "name": "edge", kind.field: kind.held });
        groups.push(id(&made(&mut owner, &format!("/api/config/{}", kind.path), body).await));
    }
    let lists = read(&mut owner, "/api/config/port-lists?q=top-100").await;
    let body = json!({
        "name": "nightly", "subnetGroupIds": [groups[1]], "fqdnGroupIds": [groups[2]], "portListIds": [id(&lists["items"][0])],
    });
    let nightly = id(&made(&mut owner, "/api/config/scan-templates", body).await);
    let body = json!({ "version": 1, "scannerIds": [], "scannerGroupIds": [groups[0]] });
    let assign = format!("/api/config/subnets/{}/scanners", subnets.held[0]);
    let subnet = call(&mut owner, Method::PUT, &assign, body).await.expect(200).json();
    assert_eq!(subnet["scannerGroups"][0]["name"], "edge", "{subnet}");
    let body = json!({ "version": 1, "scannerGroupIds": [groups[0]] });
    call(&mut owner, Method::PUT, &format!("/api/config/fqdns/{}", fqdns.held[0]), body).await.expect(200);

    let (template, kept) =
        (format!("/config/scan-templates/{nightly}"), format!("/config/subnets/{}", subnets.held[0]));
    let users = [
        (format!("/config/scanner-groups/{}", groups[0]), kept),
        (format!("/config/subnet-groups/{}", groups[1]), template.clone()),
        (format!("/config/fqdn-groups/{}", groups[2]), template),
        (format!("/config/fqdns/{}", fqdns.held[0]), format!("/config/fqdn-groups/{}", groups[2])),
        (format!("/config/scanners/{}", scanners.held[0]), format!("/config/scanner-groups/{}", groups[0])),
    ];
    for (path, user) in users {
        let api = if path.contains("/scanners/") { path.replace("/config", "/api") } else { format!("/api{path}") };
        let refused = owner.api(Method::DELETE, &api, None).await.expect(409);
        assert_eq!(refused.code(), "IN_USE", "{path}");
        let page = owner.get(&format!("{path}/delete")).await.expect(200).body;
        assert!(page.contains(&format!(r#"href="{user}""#)), "{path}: {page}");
    }
    // A group that holds one scanner alone cannot lose it by the scanner's end either.
    let few =
        made(&mut owner, "/api/config/scanner-groups", json!({ "name": "one", "scannerIds": [scanners.held[1]] }))
            .await;
    let refused = owner.api(Method::DELETE, &format!("/api/scanners/{}", scanners.held[1]), None).await.expect(409);
    assert!(refused.body.contains(r#""one""#), "{}: {}", few, refused.body);
}

#[tokio::test]
async fn a_scanner_that_is_reached_twice_counts_once() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let (berlin, oslo) = (scanner(&mut owner, "berlin").await, scanner(&mut owner, "oslo").await);
    let group =
        made(&mut owner, "/api/config/scanner-groups", json!({ "name": "all", "scannerIds": [berlin, oslo] })).await;
    let body = json!({
        "name": "lab", "cidr": "10.7.0.0/24", "rateLimit": 600, "scannerIds": [berlin], "scannerGroupIds": [id(&group)],
    });
    let subnet = made(&mut owner, "/api/config/subnets", body).await;
    let nightly = template(&mut owner, "nightly", &id(&subnet)).await;
    let body = json!({ "subnetIds": [id(&subnet)], "portListIds": [nightly["portLists"][0]["id"]] });
    let summary = call(&mut owner, Method::POST, "/api/config/scan-templates/summary", body).await.expect(200).json();
    let vantages = summary["scanners"].as_array().expect("a list");
    assert_eq!(vantages.len(), 2, "{summary}");
    // 25,600 probes at 600/s shared by two.
    assert_eq!((&vantages[0]["probes"], &vantages[0]["seconds"]), (&json!(25_600), &json!(86)), "{summary}");

    // Scanners alone are set and the groups stay; then both are.
    let path = format!("/api/config/subnets/{}/scanners", id(&subnet));
    let kept = call(&mut owner, Method::PUT, &path, json!({ "version": 1, "scannerIds": [] })).await.expect(200).json();
    assert_eq!((&kept["scanners"], kept["scannerGroups"].as_array().map(Vec::len)), (&json!([]), Some(1)));
    let body = json!({ "version": 2, "scannerIds": [oslo], "scannerGroupIds": [] });
    let after = call(&mut owner, Method::PUT, &path, body).await.expect(200).json();
    assert_eq!((&after["scanners"][0]["name"], &after["scannerGroups"]), (&json!("oslo"), &json!([])));
    let body = json!({ "version": 3, "scannerIds": [], "scannerGroupIds": [berlin] });
    assert_eq!(call(&mut owner, Method::PUT, &path, body).await.expect(422).fields(), ["scannerGroupIds[0]"]);
}

#[tokio::test]
async fn the_pages_keep_what_was_typed_and_lead_to_members_and_users() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    for Kind { path, field, held, .. } in kinds(&mut owner).await {
        let list = format!("/config/{path}");
        owner.get(&list).await.expect(200);
        let form = owner.get(&format!("{list}/new")).await.expect(200).body;
        assert!(form.contains(&held[0]) && form.contains(&held[1]), "{form}");
        let typed = [("name", "two words"), ("description", "<i>"), (field, held[0].as_str())];
        let page = owner.post(&format!("{list}/new"), &typed).await.expect(422).body;
        assert!(page.contains("two words") && page.contains("&lt;i&gt;") && page.contains("f-name-err"), "{page}");
        let ticked = format!(r#"name="{field}" value="{}""#, held[0]);
        let rest = page.split(&ticked).nth(1).expect("the box");
        assert!(rest.split('>').next().is_some_and(|tag| tag.contains("checked")), "{path}: {rest}");
        let page = owner.post(&format!("{list}/new"), &[("name", "edge")]).await.expect(422).body;
        assert!(page.contains(&format!("f-{field}-err")), "{page}");

        let made = owner.post(&format!("{list}/new"), &[("name", "edge"), (field, &held[0])]).await.expect(303);
        let one = made.location().to_owned();
        let page = owner.get(&one).await.expect(200).body;
        assert!(page.contains("nothing yet") && page.contains(&held[1]), "{page}");
        let saved = [("version", "1"), ("name", "edges"), (field, held[0].as_str()), (field, held[1].as_str())];
        assert_eq!(owner.post(&one, &saved).await.expect(303).location(), one);
        let again = owner.post(&one, &saved).await.expect(422).body;
        assert!(again.contains("Somebody else changed it"), "{again}");
        assert!(owner.get(&list).await.expect(200).body.contains("edges"));
        owner.post(&format!("{one}/clone"), &[("name", "copy")]).await.expect(303);
        owner.post(&format!("{one}/delete"), &[("confirm", "Edges")]).await.expect(422);
        assert_eq!(owner.post(&format!("{one}/delete"), &[("confirm", "edges")]).await.expect(303).location(), list);
    }
}
