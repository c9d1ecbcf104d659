//! Headers of every answer, errors too (S8, S9, S22).
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use axum::routing::get;

use crate::support::{Answer, World};

fn check(what: &str, answer: &Answer) {
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000; includeSubDomains", "{what}");
    assert_eq!(
        answer.header("content-security-policy"),
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
        "{what}"
    );
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{what}");
    assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{what}");
    assert!(answer.headers.get("access-control-allow-origin").is_none(), "{what}");
    assert!(answer.headers.get("server").is_none(), "{what}");
    let id: uuid::Uuid = answer.header("x-request-id").parse().expect("a request id");
    assert_eq!(id.get_version_num(), 7, "{what}");
    assert!(!answer.header("cache-control").is_empty(), "{what}");
}

#[tokio::test]
async fn every_answer_carries_them() {
    let world = World::new().await;
    let mut signed_in = world.signed_in("owner").await;
    for (path, status) in
        [("/", 200), ("/profile", 200), ("/api/me", 200), ("/no/such/page", 404), ("/api/none", 404), ("/logout", 303)]
    {
        let answer = signed_in.get(path).await.expect(status);
        check(path, &answer);
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    let mut stranger = world.browser();
    for (path, status) in [("/login", 200), ("/", 303), ("/api/me", 401), ("/live?topics=scans", 401), ("/setup", 404)]
    {
        check(path, &stranger.get(path).await.expect(status));
    }
    let large = Request::post("/api/auth/login").body(Body::from(vec![b'x'; 1024 * 1024 + 1])).expect("a request");
    check("too large", &stranger.send(large).await.expect(413));
    let forged =
        Request::post("/login").header("origin", "http://evil.example").body(Body::empty()).expect("a request");
    check("forged", &stranger.send(forged).await.expect(403));
}

async fn panics() -> axum::http::StatusCode {
    panic!("on purpose")
}

#[tokio::test]
async fn an_answer_to_a_panic_carries_them_too() {
    let world = World::new().await;
    let routes = Router::new().route("/broken", get(panics)).route("/api/broken", get(panics));
    let mut signed_in = world.signed_in("owner").await.through(mipo_manager::around(routes, world.app.clone()));
    let page = signed_in.get("/broken").await.expect(500);
    check("a page", &page);
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.body.contains("a fault of mipo") && page.body.contains("<nav"), "inside the shell: {}", page.body);
    let api = signed_in.get("/api/broken").await.expect(500);
    check("the API", &api);
    assert_eq!(api.code(), "INTERNAL");
}

#[tokio::test]
async fn an_address_that_takes_other_methods_says_so_or_leads_to_its_page() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    for (path, parent) in [
        ("/profile/password", "/profile"),
        ("/profile/sessions/end-others", "/profile"),
        ("/theme", "/"),
        ("/config/port-lists/preview", "/config/port-lists"),
        ("/scans/7/pause", "/scans/7"),
    ] {
        assert_eq!(browser.get(path).await.expect(303).location(), parent, "{path}");
    }
    browser.get("/profile").await.expect(200);
    let page = browser.post("/profile", &[]).await.expect(405);
    check("/profile", &page);
    assert!(page.header("allow").contains("GET"), "{}", page.header("allow"));
    assert!(page.body.contains("<nav") && page.body.contains("cannot be used that way"), "{}", page.body);
    let missing = browser.get("/no/such/page").await.expect(404);
    assert!(missing.body.contains("Signed in as"), "inside the shell: {}", missing.body);
    assert!(!world.browser().get("/no/such/page").await.expect(404).body.contains("Signed in as"));
}

#[tokio::test]
async fn assets_may_be_kept_and_nothing_else() {
    let world = World::new().await;
    let mut browser = world.browser();
    let page = browser.get("/login").await.expect(200).body;
    let asset = page.split('"').find(|part| part.starts_with("/assets/")).expect("an asset").to_owned();
    let answer = browser.get(&asset).await.expect(200);
    check(&asset, &answer);
    assert!(answer.header("cache-control").contains("immutable"));
}

#[tokio::test]
async fn a_request_id_is_ours_alone() {
    let world = World::new().await;
    let request = Request::get("/api/me").header("x-request-id", "chosen\u{1b}").body(Body::empty());
    let request = request.unwrap_or_else(|_| {
        Request::get("/api/me").header("x-request-id", "chosen").body(Body::empty()).expect("a request")
    });
    let answer = world.browser().send(request).await.expect(401);
    assert_ne!(answer.header("x-request-id"), "chosen");
    assert_eq!(answer.json()["requestId"], answer.header("x-request-id"));
}

#[tokio::test]
async fn what_belongs_to_ingest_is_not_here() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    for path in ["/scanner/jobs", "/scanner", "/discovery/push", "/discovery"] {
        for method in [Method::GET, Method::POST] {
            assert_eq!(browser.api(method, path, None).await.expect(404).code(), "NOT_FOUND", "{path}");
        }
    }
}

#[tokio::test]
async fn a_page_has_no_script_or_style_of_its_own() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    for path in ["/", "/profile", "/health/alerting/alarms", "/health/alerting/events", "/reauth", "/scans/run"] {
        let body = browser.get(path).await.expect(200).body;
        assert!(!body.contains("<style") && !body.contains(" style="), "{path}");
        assert!(!body.contains(" onclick=") && !body.contains("javascript:"), "{path}");
        for script in body.split("<script").skip(1) {
            assert!(script.trim_start().starts_with("src="), "{path}: {}", &script[..80.min(script.len())]);
        }
    }
}
