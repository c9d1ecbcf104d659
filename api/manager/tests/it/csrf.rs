//! Writes come from our own pages, with the token of their session (S7).
use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use crate::support::{Browser, HOST, World};

async fn put_me(browser: &mut Browser, headers: &[(&'static str, &str)]) -> u16 {
    let version = browser.api(Method::GET, "/api/me", None).await.expect(200).json()["version"].clone();
    let csrf = std::mem::take(&mut browser.csrf);
    let body = json!({ "theme": "dark", "version": version });
    let answer = browser.api_with(Method::PUT, "/api/me", Some(body), headers).await;
    browser.csrf = csrf;
    if answer.status == 403 {
        assert_eq!(answer.code(), "CSRF");
    }
    answer.status.as_u16()
}

#[tokio::test]
async fn every_pair_of_origin_and_token_gets_its_verdict() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let (token, other) = (browser.csrf.clone(), world.signed_in("owner").await.csrf);
    let (token, other) = (("x-csrf-token", token.as_str()), ("x-csrf-token", other.as_str()));
    let ours = ("origin", "http://127.0.0.1:8080");
    for (headers, status) in [
        (&[token][..], 200),
        (&[token, ours], 200),
        (&[token, ours, ("sec-fetch-site", "same-origin")], 200),
        (&[], 403),
        (&[ours], 403),
        (&[("x-csrf-token", "")], 403),
        (&[other], 403),
        (&[token, ("origin", "http://evil.example")], 403),
        (&[token, ("origin", "https://127.0.0.1:8080")], 403),
        (&[token, ("origin", "http://127.0.0.1:9090")], 403),
        (&[token, ("origin", "null")], 403),
        (&[token, ours, ("sec-fetch-site", "cross-site")], 403),
        (&[token, ours, ("sec-fetch-site", "same-site")], 403),
        (&[token, ("sec-fetch-site", "none")], 403),
    ] {
        assert_eq!(put_me(&mut browser, headers).await, status, "{headers:?}");
    }
}

#[tokio::test]
async fn a_form_sends_the_token_as_a_field() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    browser.get("/profile").await.expect(200);
    let fields = [("theme", "dark"), ("timezone", "Europe/Berlin"), ("version", "1")];
    let good = browser.csrf.clone();
    browser.csrf = "forged".to_owned();
    let refused = browser.post("/profile/preferences", &fields).await.expect(403);
    assert!(refused.header("content-type").starts_with("text/html") && refused.body.contains("<h1"));
    assert_eq!(world.text("select theme from config.users").await, "system");
    browser.csrf = good;
    browser.post("/profile/preferences", &fields).await.expect(303);
    assert_eq!(world.text("select theme from config.users").await, "dark");
}

#[tokio::test]
async fn another_site_cannot_sign_anybody_in() {
    let world = World::new().await;
    for path in ["/login", "/api/auth/login", "/setup"] {
        let request = Request::post(path)
            .header("host", HOST)
            .header("origin", "http://evil.example")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from("username=owner&password=x"))
            .expect("a request");
        world.browser().send(request).await.expect(403);
    }
    assert_eq!(world.number("select count(*) from config.login_throttle").await, 0);
}

#[tokio::test]
async fn reading_changes_nothing_but_the_time_of_use() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let before = world.number("select seq from config.audit_head").await;
    for (path, status) in [("/logout", 303), ("/profile/password", 303), ("/api/auth/logout", 405)] {
        browser.get(path).await.expect(status);
    }
    assert_eq!(world.number("select seq from config.audit_head").await, before);
    browser.api(Method::GET, "/api/me", None).await.expect(200);
}
