//! What is sent and cannot be: each gets its own refusal that names the field.
use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn json_is_refused_by_the_field() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    for (body, field) in [
        (json!({ "theme": "dark", "version": 1, "colour": "red" }), "colour"),
        (json!({ "theme": "dark" }), "version"),
        (json!({ "theme": 7, "version": 1 }), "theme"),
        (json!({ "theme": "pink", "version": 1 }), "theme"),
        (json!({ "timezone": "Mars/Olympus", "version": 1 }), "timezone"),
        (json!({ "version": "one" }), "version"),
    ] {
        let answer = browser.api(Method::PUT, "/api/me", Some(body.clone())).await.expect(422);
        assert_eq!((answer.code().as_str(), answer.fields()), ("INVALID_FIELDS", vec![field.to_owned()]), "{body}");
    }
    assert_eq!(world.text("select theme || timezone || version from config.users").await, "systemUTC1");
}

#[tokio::test]
async fn a_stale_version_is_a_conflict() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    let change = |theme: &str| Some(json!({ "theme": theme, "version": 1 }));
    browser.api(Method::PUT, "/api/me", change("dark")).await.expect(200);
    let stale = browser.api(Method::PUT, "/api/me", change("light")).await.expect(409);
    assert_eq!(stale.code(), "STALE_VERSION");
    assert_eq!(world.text("select theme from config.users").await, "dark");
}

#[tokio::test]
async fn text_that_is_no_json_and_other_types_are_told_apart() {
    let world = World::new().await;
    let mut browser = world.browser();
    let post = |kind: &str, body: &'static str| {
        Request::post("/api/auth/login").header("content-type", kind).body(Body::from(body)).expect("a request")
    };
    let broken = browser.send(post("application/json", "{\"username\": ")).await.expect(400);
    assert_eq!(broken.code(), "NOT_JSON");
    let form = browser.send(post("application/x-www-form-urlencoded", "username=a&password=b")).await.expect(415);
    assert_eq!(form.code(), "WRONG_CONTENT_TYPE");
    let charset = browser.send(post("application/json; charset=utf-8", "{}")).await.expect(422);
    assert_eq!(charset.fields(), ["username"]);
    let page = Request::post("/login").header("content-type", "application/json").body(Body::from("{}"));
    browser.send(page.expect("a request")).await.expect(415);
}

#[tokio::test]
async fn a_body_beyond_a_mebibyte_is_refused_before_it_is_read() {
    let world = World::new().await;
    let mut browser = world.browser();
    let announced = Request::post("/api/auth/login")
        .header("content-type", "application/json")
        .header("content-length", (1024 * 1024 + 1).to_string())
        .body(Body::empty())
        .expect("a request");
    assert_eq!(browser.send(announced).await.expect(413).code(), "BODY_TOO_LARGE");
    let chunks = futures::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 100_000])));
    let streamed = Request::post("/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from_stream(chunks))
        .expect("a request");
    browser.send(streamed).await.expect(413);
}

#[tokio::test]
async fn a_list_names_the_parameter_that_it_does_not_know() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    for (query, field) in
        [("page=0", "page"), ("pageSize=201", "pageSize"), ("sort=colour", "sort"), ("colour=red", "colour")]
    {
        for list in ["alarms", "events"] {
            let path = format!("/api/health/alerting/{list}?{query}");
            assert_eq!(browser.get(&path).await.expect(422).fields(), [field], "{path}");
        }
    }
    let values = browser.get("/api/health/alerting/alarms/filter-values?column=colour").await.expect(422);
    assert_eq!(values.fields(), ["column"]);
    browser.get("/api/health/alerting/alarms/filter-values?column=rule").await.expect(200);
    browser.get("/api/health/alerting/events/filter-values?column=type").await.expect(200);
}

#[tokio::test]
async fn an_error_tells_nothing_of_the_inside() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    world.tamper("alter table config.alarms rename to alarms_gone").await;
    let answer = browser.api(Method::GET, "/api/health/alerting/alarms", None).await.expect(500);
    assert_eq!(answer.code(), "INTERNAL");
    let page = browser.get("/health/alerting/events").await;
    for body in [&answer.body, &page.body] {
        assert!(!body.contains("relation") && !body.contains("select ") && !body.contains(".rs"), "{body}");
    }
    assert!(page.status.is_server_error() && page.body.contains(page.header("x-request-id")), "the id is on the page");
}
