//! Lists: columns, page size, row menus, filters and their values.
use axum::http::StatusCode;
use serde_json::json;

use crate::support::World;
use crate::world;

#[tokio::test]
async fn columns_are_chosen_in_the_address_and_kept_by_links() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let usual = owner.get("/config/exclusions").await.expect(200);
    assert!(usual.body.contains(">CIDR<") && usual.body.contains("192.0.2.0/24"), "{}", usual.body);
    assert!(!usual.body.contains(">Created</a>"), "an extra column shows only when asked for");
    let chosen = owner.get("/config/exclusions?cols=name&cols=created&pageSize=50").await.expect(200);
    assert!(!chosen.body.contains(">CIDR</a>") && chosen.body.contains(">Created</a>"), "{}", chosen.body);
    assert!(!chosen.body.contains("<span class=\"mono\">192.0.2.0/24"), "the cells go with their head");
    assert!(chosen.body.contains("cols=name,created&amp;sort=-name"), "the order keeps the columns: {}", chosen.body);
    assert!(chosen.body.contains(r#"<input type="hidden" name="pageSize" value="50">"#), "{}", chosen.body);
}

#[tokio::test]
async fn a_row_offers_what_its_reader_may_do() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let page = owner.get("/config/exclusions").await.expect(200);
    assert!(page.body.contains("aria-label=\"Actions of documentation-1-v4\"") && page.body.contains("/disable\""));
    assert!(!page.body.contains("/delete\""), "what is built in cannot be deleted");
    world.user("reader", &["safety:view"]).await;
    let mut reader = world.signed_in("reader").await;
    let page = reader.get("/config/exclusions").await.expect(200);
    assert!(page.body.contains("Actions of documentation-1-v4") && !page.body.contains("/disable\""), "{}", page.body);
}

#[tokio::test]
async fn a_scan_is_controlled_from_its_row() {
    let world = world::World::new().await;
    let owner = world.owner().await;
    world.scanner("berlin").await;
    owner.post("/api/scans", json!({ "targets": ["127.0.0.1"], "ports": "22" })).await;
    let page = owner.get("/scans/recent").await.text;
    for action in ["/scans/1/pause", "/scans/1/cancel", "/scans/1/changes", "/scans/1/results"] {
        assert!(page.contains(&format!("\"{action}\"")), "{action} is missing in {page}");
    }
    assert!(!page.contains("/scans/1/again") && !page.contains("/scans/1/resume"), "it runs");
    assert_eq!(owner.form("/scans/1/pause", &[]).await.status, StatusCode::SEE_OTHER);
    let page = owner.get("/scans/recent").await.text;
    assert!(page.contains("/scans/1/resume") && !page.contains("/scans/1/pause"), "{page}");
    let viewer = world.person("mia", "viewer").await;
    let page = viewer.get("/scans/recent").await.text;
    assert!(page.contains("/scans/1/jobs") && !page.contains("/scans/1/resume"), "{page}");
}

#[tokio::test]
async fn a_scan_is_cancelled_only_with_a_reason() {
    let world = world::World::new().await;
    let owner = world.owner().await;
    world.scanner("berlin").await;
    owner.post("/api/scans", json!({ "targets": ["127.0.0.1"], "ports": "22" })).await;
    for body in [json!({}), json!({ "reason": " " })] {
        let refused = owner.post("/api/scans/1/cancel", body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert_eq!(refused.json()["fields"][0]["field"], "reason");
    }
    let done = owner.post("/api/scans/1/cancel", json!({ "reason": "wrong network" })).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
}

#[tokio::test]
async fn every_list_says_what_it_can_be_filtered_by() {
    let world = world::World::new().await;
    let owner = world.owner().await;
    world.scanner("berlin").await;
    owner.post("/api/scans", json!({ "targets": ["127.0.0.1"], "ports": "22" })).await;
    let one = ["jobs?column=status", "jobs?column=scanner", "results?column=service", "results?column=scanner"];
    let mut lists: Vec<String> = one.iter().map(|list| format!("/api/scans/1/{list}")).collect();
    lists.extend(["/api/scans/1/changes?column=kind".to_owned()]);
    for (list, column) in [
        ("scans", "template"),
        ("scans", "status"),
        ("scans", "startedBy"),
        ("scanners", "version"),
        ("config/subnets", "family"),
        ("config/port-lists", "builtIn"),
        ("config/scan-templates", "createdBy"),
        ("config/exclusions", "owner"),
        ("health/alerting/alarms", "rule"),
        ("health/alerting/events", "source"),
    ] {
        lists.push(format!("/api/{list}?column={column}"));
    }
    for list in lists {
        let path = list.replace("?column", "/filter-values?column");
        let answer = owner.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        assert!(answer.json()["values"].is_array(), "{path}: {}", answer.text);
        let wrong = owner.get(&path.replace("column=", "column=un")).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert_eq!(wrong.json()["fields"][0]["field"], "column", "{path}");
    }
    assert_eq!(owner.get("/api/scans/9/jobs/filter-values?column=status").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_a_list_does_not_know_is_refused_by_name() {
    let world = world::World::new().await;
    let owner = world.owner().await;
    world.scanner("berlin").await;
    owner.post("/api/scans", json!({ "targets": ["127.0.0.1"], "ports": "22" })).await;
    for (path, field) in [
        ("scans?status=foo", "status"),
        ("scans/1/jobs?status=foo", "status"),
        ("scans/1/jobs?sort=colour", "sort"),
        ("scans/1/changes?kind=foo", "kind"),
        ("scans/1/changes?sort=-kind", "sort"),
        ("scanners?binding=foo", "binding"),
        ("config/port-lists?builtIn=maybe", "builtIn"),
        ("config/subnets?family=ipv5", "family"),
        ("config/exclusions?enabled=perhaps", "enabled"),
        ("health/alerting/alarms?state=closed", "state"),
        ("health/alerting/events?severity=loud", "severity"),
    ] {
        let refused = owner.get(&format!("/api/{path}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {}", refused.text);
        assert_eq!(refused.json()["fields"][0]["field"], field, "{path}");
    }
    let page = owner.get("/scans/recent?status=foo").await;
    assert!(page.status == StatusCode::OK && page.text.contains("adhoc"), "a page drops what it cannot read");
}

#[tokio::test]
async fn jobs_are_narrowed_and_sorted() {
    let world = world::World::new().await;
    let owner = world.owner().await;
    let scanner = world.scanner("berlin").await;
    let template = world.template("office", "10.0.0.0/30", scanner).await;
    owner.form("/scans/run", &[("templateId", &template.to_string())]).await;
    let listed = owner.get("/api/scans/1/jobs?status=running&scanner=berlin&sort=-id").await;
    assert_eq!((listed.status, listed.json()["total"].clone()), (StatusCode::OK, json!(0)), "{}", listed.text);
    let page = owner.get("/scans/1/jobs?status=running&sort=-started").await;
    assert!(page.status == StatusCode::OK && page.text.contains("No job matches."), "{}", page.text);
}
