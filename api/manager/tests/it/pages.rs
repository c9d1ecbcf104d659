//! What every page has in common.
use axum::body::Body;
use axum::http::Request;
use mipo_manager::ui::nav::AREAS;

use crate::support::World;

#[tokio::test]
async fn every_entry_of_the_navigation_leads_to_a_page() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    for entry in AREAS.iter().flat_map(|area| area.entries) {
        let page = browser.get(entry.path).await.expect(200);
        assert!(page.body.contains("<h1>") && page.body.contains("About this page"), "{}", entry.path);
        let sent = world.browser().get(entry.path).await.expect(303);
        assert!(sent.location().starts_with("/login?next=/"), "{}", entry.path);
    }
}

#[tokio::test]
async fn a_part_of_a_page_answers_401_so_that_the_script_reloads() {
    let world = World::new().await;
    let request = Request::get("/health/alerting/alarms").header("hx-request", "true").body(Body::empty());
    world.browser().send(request.expect("a request")).await.expect(401);
}

#[tokio::test]
async fn an_unknown_page_says_so_inside_and_outside() {
    let world = World::new().await;
    let inside = world.signed_in("owner").await.get("/no/such/page").await.expect(404);
    assert!(inside.header("content-type").starts_with("text/html"));
    assert!(inside.body.contains(inside.header("x-request-id")));
    let outside = world.browser().get("/no/such/page").await.expect(404);
    assert!(outside.body.contains("Not found"));
}

#[tokio::test]
async fn a_form_of_a_dead_session_is_told_to_sign_in() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    browser.get("/profile").await.expect(200);
    world.tamper("update config.sessions set ended_at = now()").await;
    let answer = browser.post("/profile/sessions/end-others", &[]).await.expect(401);
    assert!(answer.body.contains("not signed in"), "{}", answer.body);
}
