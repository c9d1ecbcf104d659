//! Alarms and events, by API and page.
use axum::http::Method;
use mipo_app::Caller;
use mipo_app::events::{Event, raise};
use serde_json::json;

use crate::support::World;

const PATH: &str = "/api/health/alerting/alarms";

async fn tell(world: &World, kind: &str, entity: &str, summary: &str) -> Option<String> {
    let caller = Caller::system("dispatcher");
    let mut tx = world.db.db_as("mipo_dispatcher").tx("test").await.expect("a transaction");
    let event = Event {
        source: "dispatcher",
        kind,
        severity: "high",
        entity_type: "scanner",
        entity_id: entity,
        summary,
        detail: json!({ "silentSeconds": 130 }),
    };
    let alarm = raise(&mut tx, &world.app.ctx(&caller), event).await.expect("raised");
    tx.commit().await.expect("commits");
    alarm.map(|id| id.to_string())
}

#[tokio::test]
async fn every_rule_of_the_product_is_there() {
    let world = World::empty().await;
    assert_eq!(world.number("select count(*) from config.alarm_rules").await, 24);
    world.tamper("update config.alarm_rules set enabled = false, severity = 'info' where name = 'scanner-down'").await;
    mipo_manager::service::seed(&world.app).await.expect("seeds again");
    assert_eq!(
        world.text("select severity || ' ' || enabled from config.alarm_rules where name = 'scanner-down'").await,
        "high false",
        "the code decides what a rule is, people whether it is on"
    );
}

#[tokio::test]
async fn an_alarm_opens_counts_and_resolves_by_itself() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let first = tell(&world, "scanner_down", "s1", "edge-1 is silent").await.expect("an alarm");
    let again = tell(&world, "scanner_down", "s1", "edge-1 is silent").await.expect("the same alarm");
    assert_eq!(first, again);
    tell(&world, "scanner_down", "s2", "edge-2 is silent").await;
    let list = browser.get(&format!("{PATH}?state=open&sort=entity")).await.expect(200).json();
    assert_eq!((&list["total"], &list["items"][0]["count"]), (&json!(2), &json!(2)), "{list}");
    tell(&world, "scanner_up", "s1", "edge-1 is back").await;
    let one = browser.get(&format!("{PATH}/{first}")).await.expect(200).json();
    assert_eq!((&one["state"], &one["resolvedBy"]), (&json!("resolved"), &json!("system")));
    let counts = browser.get(&format!("{PATH}/count")).await.expect(200).json();
    assert_eq!(counts, json!({ "open": 1, "acknowledged": 0, "critical": 0, "high": 1 }));
    let next = tell(&world, "scanner_down", "s1", "edge-1 is silent").await.expect("an alarm");
    assert_ne!(first, next, "after resolved a new one opens");
}

#[tokio::test]
async fn somebody_takes_it_on_and_ends_it() {
    let world = World::new().await;
    world.user("olga", &["operator"]).await;
    let mut operator = world.signed_in("olga").await;
    let id = tell(&world, "scanner_down", "s1", "edge-1 is silent").await.expect("an alarm");
    let act = |verb: &str| format!("{PATH}/{id}/{verb}");
    let note = Some(json!({ "note": "on it" }));
    let taken = operator.api(Method::POST, &act("acknowledge"), note).await.expect(200).json();
    assert_eq!(
        (&taken["state"], &taken["acknowledgedBy"], &taken["note"]),
        (&json!("acknowledged"), &json!("olga"), &json!("on it"))
    );
    let twice = operator.api(Method::POST, &act("acknowledge"), Some(json!({}))).await.expect(409);
    assert_eq!(twice.code(), "NOT_OPEN");
    let done = operator.api(Method::POST, &act("resolve"), Some(json!({}))).await.expect(200).json();
    assert_eq!((&done["state"], &done["note"]), (&json!("resolved"), &json!("on it")));
    operator.api(Method::POST, &act("resolve"), Some(json!({}))).await.expect(409);
    assert_eq!(
        world
            .text(
                "select string_agg(actor || ' ' || action || ' ' || reason, '; ' order by seq) from config.audit_events
                 where resource_type = 'alarm'"
            )
            .await,
        "olga acknowledged on it; olga resolved "
    );
    assert!(world.number("select count(*) from config.live_events where topic = 'alarms'").await >= 3);
}

#[tokio::test]
async fn refusals_name_the_note_and_store_nothing() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let id = tell(&world, "scanner_down", "s1", "edge-1 is silent").await.expect("an alarm");
    for body in [json!({ "note": "x".repeat(2001) }), json!({ "note": "a\u{0}b" }), json!({ "note": 7 })] {
        let answer = browser.api(Method::POST, &format!("{PATH}/{id}/resolve"), Some(body)).await.expect(422);
        assert_eq!(answer.fields(), ["note"]);
    }
    let unknown = browser.api(Method::POST, &format!("{PATH}/{id}/resolve"), Some(json!({ "why": "x" }))).await;
    assert_eq!(unknown.expect(422).fields(), ["why"]);
    let none = format!("{PATH}/019b76a0-0000-7000-8000-000000000000/resolve");
    browser.api(Method::POST, &none, Some(json!({}))).await.expect(404);
    assert_eq!(world.text("select state from config.alarms").await, "open");
}

#[tokio::test]
async fn the_pages_show_filter_and_act() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let empty = browser.get("/health/alerting/alarms").await.expect(200);
    assert!(empty.body.contains("There has been no alarm yet."));
    let id = tell(&world, "scanner_down", "s1", "edge-1 <b>is</b> silent").await.expect("an alarm");
    let page = browser.get("/health/alerting/alarms?state=open").await.expect(200);
    assert!(page.body.contains("edge-1 &#60;b&#62;is") || page.body.contains("edge-1 &lt;b&gt;is"), "{}", page.body);
    assert!(!page.body.contains("edge-1 <b>"), "hostile text stays text");
    assert!(browser.get("/health/alerting/alarms?state=resolved").await.expect(200).body.contains("No alarm matches."));
    let detail = format!("/health/alerting/alarms/{id}");
    browser.get(&detail).await.expect(200);
    let long = "x".repeat(2001);
    let refused = browser.post(&format!("{detail}/acknowledge"), &[("note", &long)]).await.expect(422);
    assert!(refused.body.contains("at most 2000 characters"));
    let done = browser.post(&format!("{detail}/acknowledge"), &[("note", "on it")]).await.expect(303);
    assert_eq!(done.location(), "/health/alerting/alarms");
    browser.post(&format!("{detail}/acknowledge"), &[]).await.expect(422);
    browser.post(&format!("{detail}/resolve"), &[]).await.expect(303);
    let events = browser.get("/health/alerting/events").await.expect(200);
    assert!(events.body.contains("scanner_down"));
}

#[tokio::test]
async fn a_viewer_reads_and_does_not_act() {
    let world = World::new().await;
    world.user("eve", &["viewer"]).await;
    let id = tell(&world, "scanner_down", "s1", "edge-1 is silent").await.expect("an alarm");
    let mut viewer = world.signed_in("eve").await;
    let page = viewer.get(&format!("/health/alerting/alarms/{id}")).await.expect(200);
    assert!(!page.body.contains("Acknowledge"));
    viewer.post(&format!("/health/alerting/alarms/{id}/resolve"), &[]).await.expect(403);
    assert_eq!(world.text("select state from config.alarms").await, "open");
}

#[tokio::test]
async fn a_note_stays_when_it_is_refused_or_somebody_was_faster() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let alarm = tell(&world, "scanner_down", "s1", "edge-1 is silent").await.expect("an alarm");
    let path = format!("/health/alerting/alarms/{alarm}");
    browser.get(&path).await.expect(200);
    let long = "x".repeat(2001);
    let page = browser.post(&format!("{path}/acknowledge"), &[("note", &long)]).await.expect(422);
    assert!(page.body.contains(&long) && page.body.contains("f-note-err"), "{}", page.body);
    browser.post(&format!("{path}/acknowledge"), &[("note", "mine")]).await.expect(303);
    let late = browser.post(&format!("{path}/acknowledge"), &[("note", "typed at length")]).await.expect(422);
    assert!(late.body.contains("only an open one can be acknowledged") && late.body.contains("typed at length"));
}
