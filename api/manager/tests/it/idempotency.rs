//! A write can be repeated safely under its key.
use axum::http::Method;
use chrono::TimeDelta;
use serde_json::json;

use crate::support::{PASSWORD, World};

fn change(theme: &str, version: i32) -> Option<serde_json::Value> {
    Some(json!({ "theme": theme, "version": version }))
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let key = [("idempotency-key", "k-1")];
    let first = browser.api_with(Method::PUT, "/api/me", change("dark", 1), &key).await.expect(200);
    // Without the key the stale version would be refused.
    let second = browser.api_with(Method::PUT, "/api/me", change("dark", 1), &key).await.expect(200);
    assert_eq!(first.json(), second.json());
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!(world.number("select version::bigint from config.users").await, 2);

    let other_body = browser.api_with(Method::PUT, "/api/me", change("light", 2), &key).await.expect(409);
    assert_eq!(other_body.code(), "KEY_REUSED");
    let other_path = browser.api_with(Method::PUT, "/api/me/password", change("dark", 1), &key).await.expect(409);
    assert_eq!(other_path.code(), "KEY_REUSED");

    // Keys are one's own, and expire after a day.
    world.user("bob", &["viewer"]).await;
    let mut bob = world.signed_in("bob").await;
    bob.api_with(Method::PUT, "/api/me", change("light", 1), &key).await.expect(200);
    world.clock.advance(TimeDelta::hours(24));
    let mut browser = world.signed_in("owner").await;
    browser.api_with(Method::PUT, "/api/me", change("light", 2), &key).await.expect(200);
}

#[tokio::test]
async fn a_refusal_frees_the_key() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let key = [("idempotency-key", "k-1")];
    browser.api_with(Method::PUT, "/api/me", change("pink", 1), &key).await.expect(422);
    browser.api_with(Method::PUT, "/api/me", change("dark", 1), &key).await.expect(200);
    let long = "k".repeat(256);
    let refused = browser.api_with(Method::PUT, "/api/me", change("dark", 2), &[("idempotency-key", &long)]).await;
    assert_eq!(refused.expect(422).fields(), ["Idempotency-Key"]);
}

#[tokio::test]
async fn parallel_repeats_do_the_work_once() {
    let world = World::new().await;
    let browser = world.signed_in("owner").await;
    let tries = (0..8).map(|_| {
        let mut browser = browser.clone();
        async move {
            let key = [("idempotency-key", "k-1")];
            browser.api_with(Method::PUT, "/api/me", change("dark", 1), &key).await.status.as_u16()
        }
    });
    let statuses = futures::future::join_all(tries).await;
    assert!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
    assert!(statuses.contains(&200));
    assert_eq!(world.number("select version::bigint from config.users").await, 2);
}

#[tokio::test]
async fn the_hash_of_a_body_is_sealed_because_it_may_hold_a_password() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let body = json!({ "currentPassword": PASSWORD, "newPassword": "quartz bonnet saddle fjord" });
    let key = [("idempotency-key", "k-1")];
    browser.api_with(Method::PUT, "/api/me/password", Some(body.clone()), &key).await.expect(204);
    let kept = world.text("select encode(body_hash, 'hex') from config.idempotency_keys").await;
    let bare = mipo_domain::hash::Hash256::of(body.to_string().as_bytes()).to_string();
    assert!(!kept.contains(&bare), "whoever reads the table could try passwords against it");
    let again = browser.api_with(Method::PUT, "/api/me/password", Some(body), &key).await.expect(204);
    assert_eq!(again.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn kept_answers_are_sealed() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let key = [("idempotency-key", "k-1")];
    browser.api_with(Method::PUT, "/api/me", change("dark", 1), &key).await.expect(200);
    let kept = world.text("select encode(answer, 'escape') from config.idempotency_keys").await;
    assert!(!kept.contains("owner") && !kept.contains(&browser.csrf));
}
