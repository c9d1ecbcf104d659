//! How sessions live and end.
use axum::http::Method;
use chrono::TimeDelta;

use crate::support::World;

#[tokio::test]
async fn an_idle_session_ends_after_an_hour() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    for _ in 0..3 {
        world.clock.advance(TimeDelta::minutes(59));
        browser.api(Method::GET, "/api/me", None).await.expect(200);
    }
    world.clock.advance(TimeDelta::minutes(60));
    browser.api(Method::GET, "/api/me", None).await.expect(401);
}

#[tokio::test]
async fn a_busy_session_ends_after_a_day() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    for _ in 0..47 {
        world.clock.advance(TimeDelta::minutes(30));
        browser.api(Method::GET, "/api/me", None).await.expect(200);
    }
    world.clock.advance(TimeDelta::minutes(30));
    browser.api(Method::GET, "/api/me", None).await.expect(401);
}

#[tokio::test]
async fn the_settings_can_only_lower_the_limits() {
    let world = World::new().await;
    world.tamper("update config.settings set session_idle_minutes = 10, session_absolute_hours = 1").await;
    let mut browser = world.signed_in("owner").await;
    world.clock.advance(TimeDelta::minutes(10));
    browser.api(Method::GET, "/api/me", None).await.expect(401);
    let mut browser = world.signed_in("owner").await;
    for _ in 0..6 {
        world.clock.advance(TimeDelta::minutes(9));
        browser.api(Method::GET, "/api/me", None).await.expect(200);
    }
    world.clock.advance(TimeDelta::minutes(7));
    browser.api(Method::GET, "/api/me", None).await.expect(401);
}

#[tokio::test]
async fn use_is_noted_at_most_once_a_minute() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let noted = "select last_active_at::text from config.sessions";
    let at_login = world.text(noted).await;
    world.clock.advance(TimeDelta::seconds(59));
    browser.api(Method::GET, "/api/me", None).await.expect(200);
    assert_eq!(world.text(noted).await, at_login);
    world.clock.advance(TimeDelta::seconds(1));
    browser.api(Method::GET, "/api/me", None).await.expect(200);
    assert_ne!(world.text(noted).await, at_login);
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let mut copy = browser.clone();
    let out = browser.api(Method::POST, "/api/auth/logout", None).await.expect(204);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    copy.api(Method::GET, "/api/me", None).await.expect(401);

    let mut browser = world.signed_in("owner").await;
    browser.get("/profile").await.expect(200);
    let mut copy = browser.clone();
    assert_eq!(browser.post("/logout", &[]).await.expect(303).location(), "/login?after=logout");
    copy.api(Method::GET, "/api/me", None).await.expect(401);
    browser.post("/logout", &[]).await.expect(303);
}

#[tokio::test]
async fn disabling_a_user_ends_what_they_do_at_once() {
    let world = World::new().await;
    world.user("bob", &["viewer"]).await;
    let mut browser = world.signed_in("bob").await;
    browser.api(Method::GET, "/api/me", None).await.expect(200);
    world.tamper("update config.users set enabled = false where username = 'bob'").await;
    browser.api(Method::GET, "/api/me", None).await.expect(401);
}

#[tokio::test]
async fn rights_are_those_of_this_moment() {
    let world = World::new().await;
    world.user("bob", &["viewer"]).await;
    let mut browser = world.signed_in("bob").await;
    let path = "/api/health/alerting/alarms";
    browser.api(Method::GET, path, None).await.expect(200);
    world
        .tamper(
            "with nothing as (
               insert into config.roles (id, name, scopes) values (gen_random_uuid(), 'nothing', '{}') returning id)
             update config.user_roles set role_id = (select id from nothing)
             where user_id = (select id from config.users where username = 'bob')",
        )
        .await;
    assert_eq!(browser.api(Method::GET, path, None).await.expect(403).code(), "FORBIDDEN");
}

#[tokio::test]
async fn one_sees_and_ends_ones_own_sessions_only() {
    let world = World::new().await;
    world.user("bob", &["viewer"]).await;
    let mut bob = world.signed_in("bob").await;
    let mut phone = world.browser().at("198.51.100.7");
    phone.log_in("bob").await;
    let mut owner = world.signed_in("owner").await;

    let listed = bob.api(Method::GET, "/api/me/sessions", None).await.expect(200).json();
    let items = listed["items"].as_array().expect("items").clone();
    assert_eq!(items.len(), 2);
    assert_eq!(items.iter().filter(|item| item["current"] == true).count(), 1);
    let other = items.iter().find(|item| item["current"] == false).expect("the phone");
    assert_eq!(other["ip"], "198.51.100.7");
    let path = format!("/api/me/sessions/{}", other["id"].as_str().expect("an id"));

    // Somebody else's session is not there, not even for the owner.
    owner.api(Method::DELETE, &path, None).await.expect(404);
    bob.api(Method::DELETE, "/api/me/sessions/not-an-id", None).await.expect(404);
    bob.api(Method::DELETE, &path, None).await.expect(204);
    phone.api(Method::GET, "/api/me", None).await.expect(401);
    bob.api(Method::DELETE, &path, None).await.expect(404);

    phone.log_in("bob").await;
    let ended = bob.api(Method::DELETE, "/api/me/sessions", None).await.expect(200).json();
    assert_eq!(ended["ended"], 1);
    phone.api(Method::GET, "/api/me", None).await.expect(401);
    bob.api(Method::GET, "/api/me", None).await.expect(200);
}

#[tokio::test]
async fn a_user_at_four_addresses_raises_an_alarm_that_settles() {
    let world = World::new().await;
    let mut browsers = Vec::new();
    for n in 1..=4 {
        let mut browser = world.browser().at(&format!("198.51.100.{n}"));
        browser.log_in("owner").await;
        browsers.push(browser);
    }
    let state = "select string_agg(state, ',') from config.alarms where rule = 'session-ip-spread'";
    assert_eq!(world.text(state).await, "open");
    browsers[0].api(Method::POST, "/api/auth/logout", None).await.expect(204);
    assert_eq!(world.text(state).await, "resolved");
}
