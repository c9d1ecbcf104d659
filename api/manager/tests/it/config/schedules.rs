//! `/api/scans/schedules` and its pages.
use axum::http::Method;
use serde_json::{Value, json};

use super::{call, id, made, read, refuses, template};
use crate::support::{Browser, World};

const PATH: &str = "/api/scans/schedules";

async fn office(owner: &mut Browser) -> String {
    let subnet = made(owner, "/api/config/subnets", json!({ "name": "a", "cidr": "10.0.0.0/24" })).await;
    id(&template(owner, "office", &id(&subnet)).await)
}

#[tokio::test]
async fn a_schedule_lives_from_create_to_delete() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let template = office(&mut owner).await;
    let body = json!({ "name": "nightly", "timezone": "Europe/Berlin", "templateIds": [template] });
    let nightly = made(&mut owner, PATH, body).await;
    assert_eq!(
        (&nightly["type"], &nightly["hour"], &nightly["overlapPolicy"]),
        (&json!("daily"), &json!(2), &json!("skip"))
    );
    assert_eq!(nightly["sentence"], "every day at 02:00 (Europe/Berlin)");
    assert!(nightly["nextStartAt"].is_string() && nightly["nextStartAt"] == nightly["nextPlannedAt"], "{nightly}");

    let path = format!("{PATH}/{}", id(&nightly));
    let edited =
        call(&mut owner, Method::PUT, &path, json!({ "version": 1, "name": "night" })).await.expect(200).json();
    assert_eq!(edited["nextStartAt"], nightly["nextStartAt"], "another name moves no run");
    let body = json!({ "version": 2, "type": "weekly", "dayOfWeek": 0, "hour": 4 });
    let edited = call(&mut owner, Method::PUT, &path, body.clone()).await.expect(200).json();
    assert_eq!(edited["sentence"], "at 04:00 on Sunday (Europe/Berlin)");
    assert_eq!(call(&mut owner, Method::PUT, &path, body).await.expect(409).code(), "STALE_VERSION");

    let off = call(&mut owner, Method::POST, &format!("{path}/disable"), Value::Null).await.expect(200).json();
    assert_eq!((&off["enabled"], &off["nextStartAt"]), (&json!(false), &Value::Null));
    let ran =
        call(&mut owner, Method::POST, &format!("{path}/run"), json!({ "reason": "a look" })).await.expect(202).json();
    assert_eq!(ran["scanIds"].as_array().map(Vec::len), Some(1), "also of a disabled one");
    let details = read(&mut owner, &format!("{path}/details")).await;
    assert_eq!((&details["upcoming"], &details["runs"][0]["plannedAt"]), (&json!([]), &Value::Null));
    assert_eq!(details["runs"][0]["template"], "office");
    let on = call(&mut owner, Method::POST, &format!("{path}/enable"), Value::Null).await.expect(200).json();
    assert!(on["nextStartAt"].is_string());

    let copy = made(&mut owner, &format!("{path}/clone"), json!({ "name": "copy" })).await;
    assert_eq!((&copy["enabled"], &copy["dayOfWeek"]), (&json!(false), &json!(0)));
    assert_eq!(read(&mut owner, &format!("{PATH}?enabled=true")).await["total"], 1);
    // What is scheduled cannot be deleted under it; the refusal names who uses it.
    let path_of_template = format!("/api/config/scan-templates/{template}");
    let refused = owner.api(Method::DELETE, &path_of_template, None).await.expect(409);
    assert_eq!(refused.code(), "IN_USE");
    assert!(refused.body.contains("/scans/schedules/"), "{}", refused.body);

    owner.api(Method::DELETE, &path, None).await.expect(204);
    let actions = read(&mut owner, &format!("{path}/history")).await;
    let actions: Vec<&str> =
        actions["items"].as_array().expect("a list").iter().filter_map(|c| c["action"].as_str()).collect();
    assert_eq!(actions, ["deleted", "enabled", "disabled", "updated", "updated", "created"]);
    assert_eq!(world.number("select count(*) from results.scans where schedule_id is not null").await, 1, "scans stay");
}

#[tokio::test]
async fn wrong_schedules_are_named_and_nothing_is_stored() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let template = office(&mut owner).await;
    let unknown = "0190f1a5-0000-7000-8000-000000000000";
    let with = |more: Value| {
        let mut body = json!({ "name": "s", "templateIds": [template] });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    let cases = vec![
        (with(json!({ "name": "a b" })), vec!["name"]),
        (with(json!({ "description": "x".repeat(10_001) })), vec!["description"]),
        (with(json!({ "templateIds": [] })), vec!["templateIds"]),
        (with(json!({ "templateIds": [unknown] })), vec!["templateIds[0]"]),
        (with(json!({ "type": "yearly" })), vec!["type"]),
        (with(json!({ "hour": 24, "minute": 60 })), vec!["minute", "hour"]),
        (with(json!({ "type": "cron", "cronExpression": "0 2 30 2 *" })), vec!["cronExpression"]),
        (with(json!({ "type": "cron", "cronExpression": "0 2 * * *\u{0}" })), vec!["cronExpression", "cronExpression"]),
        (with(json!({ "timezone": "Mars/Olympus" })), vec!["timezone"]),
        (with(json!({ "jitterMinutes": 1441 })), vec!["jitterMinutes"]),
        (with(json!({ "overlapPolicy": "wait" })), vec!["overlapPolicy"]),
        (with(json!({ "catchUpMinutes": -1 })), vec!["catchUpMinutes"]),
        (with(json!({ "colour": "red" })), vec!["colour"]),
    ];
    refuses(&world, &mut owner, Method::POST, PATH, cases).await;
    assert_eq!(world.number("select count(*) from config.schedules").await, 0);
}

#[tokio::test]
async fn the_preview_says_when_and_whether_it_fits() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let body = json!({ "type": "hourly", "minute": 5 });
    let preview = call(&mut owner, Method::POST, &format!("{PATH}/preview"), body).await.expect(200).json();
    assert_eq!(
        (&preview["sentence"], &preview["periodSeconds"]),
        (&json!("every hour at minute 5 (UTC)"), &json!(3600))
    );
    assert_eq!((preview["starts"].as_array().map(Vec::len), &preview["fits"]), (Some(5), &json!(true)));
    let body = json!({ "type": "cron", "cronExpression": "nonsense" });
    let refused = call(&mut owner, Method::POST, &format!("{PATH}/preview"), body).await;
    assert_eq!(refused.fields(), ["cronExpression"]);
}

#[tokio::test]
async fn the_pages_make_show_run_and_delete_a_schedule() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let none = owner.get("/scans/schedules").await.expect(200).body;
    assert!(none.contains("No schedule yet") && none.contains("/scans/schedules/new"), "{none}");
    let template = office(&mut owner).await;
    let blank = owner.get("/scans/schedules/new").await.expect(200).body;
    assert!(blank.contains("every day at 02:00 (UTC)") && blank.contains("Europe/Berlin"), "{blank}");

    let wrong = [("name", "nightly"), ("type", "cron"), ("cronExpression", "0 2 * *"), ("timezone", "UTC")];
    let refused = owner.post("/scans/schedules/new", &wrong).await.expect(422).body;
    assert!(refused.contains("0 2 * *") && refused.contains("has 4 fields"), "what was typed is kept: {refused}");
    assert!(refused.contains("Choose at least one scan template"), "{refused}");

    // The hour is none of an hourly schedule; a form that sends it all the same is no mistake.
    let typed = [
        ("name", "nightly"),
        ("type", "hourly"),
        ("hour", "99"),
        ("minute", "30"),
        ("timezone", "UTC"),
        ("templateIds", &*template),
    ];
    let shown = owner.post("/scans/schedules/preview", &typed).await.expect(200).body;
    assert!(shown.contains("every hour at minute 30 (UTC)"), "{shown}");
    let added = owner.post("/scans/schedules/new", &typed).await.expect(303);
    let path = added.location();
    let page = owner.get(path).await.expect(200).body;
    assert!(page.contains("every hour at minute 30") && page.contains("It has not run yet"), "{page}");
    let list = owner.get("/scans/schedules").await.expect(200).body;
    assert!(list.contains("nightly") && list.contains("office") && list.contains("enabled"), "{list}");

    assert_eq!(owner.post(&format!("{path}/run"), &[]).await.expect(303).location(), "/scans/1");
    assert!(owner.get(path).await.expect(200).body.contains("by hand"));
    owner.post(&format!("{path}/disable"), &[]).await.expect(303);
    assert!(owner.get(path).await.expect(200).body.contains("It is disabled"));
    let asked = owner.get(&format!("{path}/delete")).await.expect(200).body;
    assert!(asked.contains("Its scans stay"), "{asked}");
    owner.post(&format!("{path}/delete"), &[("confirm", "nightly")]).await.expect(303);
    assert_eq!(world.number("select count(*) from config.schedules").await, 0);
}
