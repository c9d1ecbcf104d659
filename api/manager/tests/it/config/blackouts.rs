//! `/api/config/blackouts`
use axum::http::Method;
use chrono::TimeDelta;
use mipo_domain::clock::Clock as _;
use serde_json::{Value, json};

use super::{call, id, made, read, refuses, template};
use crate::support::{PASSWORD, World};

const PATH: &str = "/api/config/blackouts";

fn office() -> Value {
    json!({
        "name": "office-hours", "all": true, "days": [5, 1, 2, 3, 4], "start": "08:00", "durationMinutes": 600,
        "timezone": "Europe/Berlin", "reason": "people work"
    })
}

#[tokio::test]
async fn a_window_lives_from_create_to_delete() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    // The clock of tests stands at Monday, 2026-01-05 12:00 UTC.
    let made_one = made(&mut owner, PATH, office()).await;
    assert_eq!(made_one["sentence"], "Monday to Friday from 08:00 to 18:00 (Europe/Berlin)");
    assert_eq!((&made_one["days"], &made_one["holds"]), (&json!([1, 2, 3, 4, 5]), &json!(true)), "{made_one}");
    assert_eq!(made_one["nextChange"], "2026-01-05T17:00:00Z");
    assert_eq!(call(&mut owner, Method::POST, PATH, office()).await.expect(409).code(), "NAME_TAKEN");
    let path = format!("{PATH}/{}", id(&made_one));

    let details = read(&mut owner, &format!("{path}/details")).await;
    assert_eq!(details["upcoming"][0], json!({ "from": "2026-01-05T12:00:00Z", "to": "2026-01-05T17:00:00Z" }));
    assert_eq!((&details["heldJobs"], &details["upcoming"][4]["from"]), (&json!(0), &json!("2026-01-09T07:00:00Z")));

    let subnet = made(&mut owner, "/api/config/subnets", json!({ "name": "office", "cidr": "10.0.0.0/24" })).await;
    let edit = json!({ "version": 1, "all": false, "subnetIds": [id(&subnet)], "start": "20:00" });
    let edited = call(&mut owner, Method::PUT, &path, edit).await.expect(200).json();
    assert_eq!((&edited["subnets"][0]["name"], &edited["holds"]), (&json!("office"), &json!(false)), "{edited}");
    assert_eq!(edited["sentence"], "Monday to Friday from 20:00 to 06:00 of the next day (Europe/Berlin)");
    let late = call(&mut owner, Method::PUT, &path, json!({ "version": 1 })).await.expect(409);
    assert_eq!(late.code(), "STALE_VERSION");
    let used = owner.api(Method::DELETE, &format!("/api/config/subnets/{}", id(&subnet)), None).await.expect(409);
    assert_eq!((used.code().as_str(), &used.json()["usedBy"][0]["name"]), ("IN_USE", &json!("office-hours")));

    let once = json!({ "version": 2, "type": "once", "from": "2026-02-01T10:00:00Z", "to": "2026-02-01T12:00:00Z" });
    let once = call(&mut owner, Method::PUT, &path, once).await.expect(200).json();
    assert_eq!((&once["type"], &once["days"]), (&json!("once"), &json!(null)));
    let copy = call(&mut owner, Method::POST, &format!("{path}/clone"), json!({ "name": "copy" })).await.expect(201);
    assert_eq!(copy.json()["from"], "2026-02-01T10:00:00Z");

    let list = read(&mut owner, &format!("{PATH}?type=once&enabled=true")).await;
    assert_eq!(list["total"], 2);
    assert_eq!(read(&mut owner, &format!("{PATH}/filter-values?column=type")).await["values"], json!(["once"]));
    owner.api(Method::DELETE, &path, None).await.expect(204);
    owner.api(Method::GET, &path, None).await.expect(404);
    let history = read(&mut owner, &format!("{path}/history")).await;
    let actions: Vec<_> = history["items"].as_array().unwrap().iter().map(|one| one["action"].clone()).collect();
    assert_eq!(actions, ["deleted", "updated", "updated", "created"]);
}

#[tokio::test]
async fn switching_a_window_off_needs_the_password_and_a_reason() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let path = format!("{PATH}/{}", id(&made(&mut owner, PATH, office()).await));
    let disable = format!("{path}/disable");
    let none = call(&mut owner, Method::POST, &disable, json!({ "reason": " " })).await.expect(422);
    assert_eq!(none.fields(), ["reason"]);
    let off = call(&mut owner, Method::POST, &disable, json!({ "reason": "fair" })).await.expect(200).json();
    let state = |one: &Value| (one["enabled"].clone(), one["holds"].clone(), one["disabledReason"].clone());
    assert_eq!(state(&off), (json!(false), json!(false), json!("fair")));
    let on = owner.api(Method::POST, &format!("{path}/enable"), None).await.expect(200).json();
    assert_eq!(state(&on), (json!(true), json!(true), json!(null)));

    world.clock.advance(TimeDelta::minutes(6));
    for (method, path, body) in [
        (Method::POST, &disable, Some(json!({ "reason": "fair" }))),
        (Method::PUT, &path, Some(json!({ "version": 3 }))),
        (Method::DELETE, &path, None),
    ] {
        assert_eq!(owner.api(method, path, body).await.expect(403).code(), "REAUTH_REQUIRED");
    }
    world.user("olga", &["operator"]).await;
    let mut operator = world.signed_in("olga").await;
    assert_eq!(read(&mut operator, PATH).await["total"], 1);
    assert_eq!(call(&mut operator, Method::POST, PATH, office()).await.expect(403).code(), "FORBIDDEN");
}

#[tokio::test]
async fn wrong_values_are_named_and_nothing_is_stored() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let with = |fields: Value| {
        let mut body = office();
        for (field, value) in fields.as_object().expect("fields") {
            body[field] = value.clone();
        }
        body
    };
    let nobody = "019b76a0-0000-7000-8000-000000000000";
    let once = |from: &str, to: &str| json!({ "name": "x", "all": true, "type": "once", "from": from, "to": to, "reason": "why" });
    let cases = vec![
        (with(json!({ "name": "x y" })), vec!["name"]),
        (with(json!({ "reason": "" })), vec!["reason"]),
        (with(json!({ "reason": "x".repeat(10_001) })), vec!["reason"]),
        (with(json!({ "all": false })), vec!["all"]),
        (with(json!({ "scannerIds": [nobody] })), vec!["all", "scannerIds[0]"]),
        (with(json!({ "all": false, "subnetIds": [nobody] })), vec!["subnetIds[0]"]),
        (with(json!({ "all": false, "subnetGroupIds": [nobody] })), vec!["subnetGroupIds[0]"]),
        (with(json!({ "days": [] })), vec!["days"]),
        (with(json!({ "days": [1, 7] })), vec!["days[1]"]),
        (with(json!({ "start": "25:00" })), vec!["start"]),
        (with(json!({ "durationMinutes": 0 })), vec!["durationMinutes"]),
        (with(json!({ "durationMinutes": 1441 })), vec!["durationMinutes"]),
        (with(json!({ "timezone": "Europe/Atlantis" })), vec!["timezone"]),
        (with(json!({ "type": "monthly" })), vec!["type"]),
        (with(json!({ "to": "2030-01-01T00:00:00Z" })), vec!["to"]),
        (once("2030-01-02T00:00:00Z", "2030-01-01T00:00:00Z"), vec!["to"]),
        (once("2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z"), vec!["to"]),
        (json!({ "name": "x", "all": true, "reason": "why" }), vec!["days", "start", "durationMinutes"]),
        (with(json!({ "enabled": false })), vec!["enabled"]),
    ];
    refuses(&world, &mut owner, Method::POST, PATH, cases).await;
    assert_eq!(world.number("select count(*) from config.blackout_windows").await, 0);
}

#[tokio::test]
async fn whoever_runs_or_plans_a_scan_is_told_of_the_windows_that_hold_it() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let scanner = made(&mut owner, "/api/scanners", json!({ "name": "berlin", "bindingMode": "none" })).await;
    let body = json!({ "name": "office", "cidr": "10.0.0.0/24", "scannerIds": [id(&scanner["scanner"])] });
    let subnet = made(&mut owner, "/api/config/subnets", body).await;
    let other = made(&mut owner, "/api/config/subnets", json!({ "name": "lab", "cidr": "10.9.0.0/24" })).await;
    let nightly = template(&mut owner, "nightly", &id(&subnet)).await;
    let mut window = office();
    window["all"] = json!(false);
    window["subnetIds"] = json!([id(&other)]);
    let path = format!("{PATH}/{}", id(&made(&mut owner, PATH, window).await));
    let ask = json!({ "subnetIds": [id(&subnet)], "portListIds": [nightly["portLists"][0]["id"]] });
    let codes = |summary: Value| -> Vec<String> {
        let warnings = summary["warnings"].as_array().cloned().unwrap_or_default();
        warnings.iter().map(|warning| warning["code"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let summary = call(&mut owner, Method::POST, "/api/config/scan-templates/summary", ask.clone()).await.expect(200);
    assert!(!codes(summary.json()).contains(&"blackout".to_owned()), "another subnet");
    call(&mut owner, Method::PUT, &path, json!({ "version": 1, "subnetIds": [id(&subnet)] })).await.expect(200);
    let summary = call(&mut owner, Method::POST, "/api/config/scan-templates/summary", ask.clone()).await.expect(200);
    assert!(codes(summary.json()).contains(&"blackout".to_owned()), "{}", summary.body);
    let page = owner.get("/scans/run").await.expect(200);
    assert!(page.body.contains("office-hours until 2026-01-05 17:00 UTC"), "{}", page.body);

    // Half a minute before it begins: it would begin while the scan runs.
    let begin = world.clock.now() + TimeDelta::hours(19) - TimeDelta::seconds(30);
    world.clock.set(begin);
    let mut owner = world.signed_in("owner").await;
    let summary = call(&mut owner, Method::POST, "/api/config/scan-templates/summary", ask).await.expect(200);
    assert!(codes(summary.json()).contains(&"blackout_ahead".to_owned()), "{}", summary.body);

    let ask = json!({ "type": "daily", "hour": 9, "minute": 0, "templateIds": [id(&nightly)] });
    let preview = call(&mut owner, Method::POST, "/api/scans/schedules/preview", ask).await.expect(200).json();
    let held = &preview["starts"][0]["heldBy"][0];
    assert_eq!((&held["name"], &held["until"]), (&json!("office-hours"), &json!("2026-01-06T17:00:00Z")), "{preview}");
}

#[tokio::test]
async fn the_pages_of_a_window() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let empty = owner.get("/config/blackouts").await.expect(200);
    assert!(empty.body.contains("There is no blackout window"));
    owner.get("/config/blackouts/new").await.expect(200);
    let wrong =
        [("name", "two words"), ("type", "weekly"), ("start", "noon"), ("durationMinutes", "ten"), ("reason", "<b>")];
    let page = owner.post("/config/blackouts/new", &wrong).await.expect(422);
    for words in ["two words", "&lt;b&gt;", "f-days-err", "“noon” is not a time", "“ten” is no duration", "f-all"]
    {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let typed = [
        ("name", "nights"),
        ("type", "weekly"),
        ("days", "1"),
        ("days", "2"),
        ("start", "22:00"),
        ("durationMinutes", "08:00"),
        ("timezone", "UTC"),
        ("reason", "backups run"),
        ("all", "true"),
    ];
    let saved = owner.post("/config/blackouts/new", &typed).await.expect(303);
    assert_eq!(saved.location(), "/config/blackouts");
    let list = owner.get("/config/blackouts").await.expect(200);
    assert!(list.body.contains("Monday and Tuesday from 22:00 to 06:00 of the next day (UTC)"), "{}", list.body);
    let path = format!("/config/blackouts/{}", id(&read(&mut owner, PATH).await["items"][0]));
    let page = owner.get(&path).await.expect(200);
    assert!(page.body.contains(r#"value="08:00""#) && page.body.contains("Holds everything"), "{}", page.body);

    world.clock.advance(TimeDelta::minutes(6));
    let again = [&typed[..], &[("version", "1")]].concat();
    let page = owner.post(&path, &again).await.expect(422);
    assert!(page.body.contains("f-password-err") && page.body.contains("backups run"), "{}", page.body);
    owner.post(&path, &[&again[..], &[("password", PASSWORD)]].concat()).await.expect(303);
    owner.get(&format!("{path}/disable")).await.expect(200);
    owner.post(&format!("{path}/disable"), &[("reason", "")]).await.expect(422);
    owner.post(&format!("{path}/disable"), &[("reason", "over")]).await.expect(303);
    owner.get(&format!("{path}/clone")).await.expect(200);
    owner.post(&format!("{path}/clone"), &[("name", "nights")]).await.expect(422);
    owner.get(&format!("{path}/delete")).await.expect(200);
    assert_eq!(
        owner.post(&format!("{path}/delete"), &[("confirm", "nights")]).await.expect(303).location(),
        "/config/blackouts"
    );
}
