//! One's own account.
use axum::http::Method;
use serde_json::json;

use crate::support::{PASSWORD, World};

const NEW: &str = "quartz bonnet saddle fjord";

#[tokio::test]
async fn changing_the_password_ends_the_other_sessions() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let mut other = world.signed_in("owner").await;
    let body = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    browser.api(Method::PUT, "/api/me/password", Some(body)).await.expect(204);
    browser.api(Method::GET, "/api/me", None).await.expect(200);
    other.api(Method::GET, "/api/me", None).await.expect(401);
    world.browser().try_log_in("owner", PASSWORD).await.expect(401);
    world.browser().try_log_in("owner", NEW).await.expect(200);
    assert_eq!(world.number("select count(*) from config.audit_events where action = 'password_changed'").await, 1);
    let dump = world.text("select string_agg(t::text, ' ') from config.audit_events t").await;
    assert!(!dump.contains("quartz") && !dump.contains("gravel") && !dump.contains("argon2"));
}

#[tokio::test]
async fn a_refused_password_names_its_field_and_stays() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let before = world.text("select password_hash from config.users").await;
    for (current, new, field) in [
        ("", NEW, "currentPassword"),
        ("not the password", NEW, "currentPassword"),
        (PASSWORD, "", "newPassword"),
        (PASSWORD, "short", "newPassword"),
        (PASSWORD, "passwordpassword", "newPassword"),
        (PASSWORD, "owner-owner-owner-1", "newPassword"),
        (PASSWORD, PASSWORD, "newPassword"),
    ] {
        let body = json!({ "currentPassword": current, "newPassword": new });
        let answer = browser.api(Method::PUT, "/api/me/password", Some(body)).await.expect(422);
        assert_eq!(answer.fields(), [field], "{current} {new}");
        assert!(!answer.body.contains(PASSWORD) && !answer.body.contains(NEW));
    }
    let long = "x".repeat(1025);
    let body = json!({ "currentPassword": PASSWORD, "newPassword": long });
    browser.api(Method::PUT, "/api/me/password", Some(body)).await.expect(422);
    assert_eq!(world.text("select password_hash from config.users").await, before);
}

#[tokio::test]
async fn the_page_does_all_of_it_without_a_script() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let mut phone = world.browser().at("198.51.100.7");
    phone.log_in("owner").await;
    let page = browser.get("/profile").await.expect(200);
    assert!(page.body.contains("198.51.100.7") && page.body.contains("owner@example.org"));
    let fields = [("currentPassword", PASSWORD), ("newPassword", NEW), ("repeatPassword", "differs")];
    let differs = browser.post("/profile/password", &fields).await.expect(422);
    assert!(differs.body.contains("The two passwords differ."));
    let fields = [("theme", "dark"), ("timezone", "Nowhere"), ("version", "1")];
    let wrong = browser.post("/profile/preferences", &fields).await.expect(422);
    assert!(wrong.body.contains(r#"value="Nowhere""#), "what was typed is kept");
    let fields = [("theme", "dark"), ("timezone", "Europe/Berlin"), ("version", "1")];
    browser.post("/profile/preferences", &fields).await.expect(303);
    let page = browser.get("/profile").await.expect(200);
    assert!(page.body.contains(r#"data-theme="dark""#) && page.body.contains("Europe/Berlin"));
    browser.post("/profile/preferences", &fields).await.expect(303);
    let stale = [("theme", "light"), ("timezone", "UTC"), ("version", "1")];
    let late = browser.post("/profile/preferences", &stale).await.expect(422);
    assert!(late.body.contains("changed elsewhere") && late.body.contains(r#"<option value="light" selected>"#));
    assert!(late.body.contains(r#"name="version" value="2""#), "saving again overwrites knowingly: {}", late.body);

    browser.post("/profile/sessions/end-others", &[]).await.expect(303);
    phone.get("/profile").await.expect(303);
    phone.log_in("owner").await;
    let id =
        world.text("select id::text from config.sessions where host(ip) = '198.51.100.7' and ended_at is null").await;
    browser.post(&format!("/profile/sessions/{id}/end"), &[]).await.expect(303);
    phone.get("/profile").await.expect(303);
    browser.post(&format!("/profile/sessions/{id}/end"), &[]).await.expect(404);
    let fields = [("currentPassword", PASSWORD), ("newPassword", NEW), ("repeatPassword", NEW)];
    assert_eq!(browser.post("/profile/password", &fields).await.expect(303).location(), "/profile");
    world.browser().try_log_in("owner", NEW).await.expect(200);
}

#[tokio::test]
async fn the_theme_switches_from_any_page_and_leads_back_to_it() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    browser.get("/").await.expect(200);
    browser.headers.push(("referer", "http://127.0.0.1:8080/scans/recent?status=running".to_owned()));
    let back = browser.post("/theme", &[("theme", "dark"), ("back", "/")]).await.expect(303);
    assert_eq!(back.location(), "/scans/recent?status=running");
    browser.headers = vec![("referer", "http://evil.example/".to_owned())];
    let back = browser.post("/theme", &[("theme", ""), ("back", "//evil.example")]).await.expect(303);
    assert_eq!(back.location(), "/");
    assert_eq!(world.text("select theme from config.users").await, "system");
    browser.post("/theme", &[("theme", "pink")]).await.expect(422);
}
