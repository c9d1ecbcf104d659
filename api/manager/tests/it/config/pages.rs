//! The pages of configuration, as a browser without a script uses them.
use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::{id, made, read, template};
use crate::support::{Answer, Browser, World};

/// Reads one region of a page, as the page's script does.
pub(super) async fn region(browser: &mut Browser, path: &str, name: &str) -> Answer {
    let request = Request::get(path).header("hx-request", "true").header("hx-target", format!("section#{name}"));
    browser.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_newcomer_clicks_from_nothing_to_a_template_that_runs() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    for (path, hint) in [
        ("/config/scanners", "No scanner yet."),
        ("/config/subnets", "No subnet yet."),
        ("/config/scan-templates", "A template needs a target first."),
        ("/config/port-lists", "top-1000"),
        ("/config/exclusions", "loopback-v4"),
    ] {
        let page = owner.get(path).await.expect(200);
        assert!(page.body.contains(hint), "{path}: {}", page.body);
    }

    owner.get("/config/scanners/new").await.expect(200);
    let shown = owner
        .post(
            "/config/scanners/new",
            &[("name", "berlin"), ("bindingMode", "ip"), ("maxConcurrentJobs", "1"), ("ttlMinutes", "60")],
        )
        .await
        .expect(200);
    assert!(shown.body.contains("mipo_pt_") && shown.body.contains("mipo-scanner enrol --server"), "{}", shown.body);
    assert_eq!(shown.header("cache-control"), "no-store");
    let scanners = read(&mut owner, "/api/scanners").await;
    let scanner = id(&scanners["items"][0]);
    let page = owner.get(&format!("/config/scanners/{scanner}")).await.expect(200);
    assert!(page.body.contains("Pending") && !page.body.contains("--token"), "{}", page.body);

    world
        .tamper("update config.scanners set last_heartbeat_at = now(), first_heartbeat_at = now(), status = 'active'")
        .await;
    let standing = region(&mut owner, &format!("/config/scanners/{scanner}"), "standing").await.expect(200);
    assert!(standing.body.contains("Active") && !standing.body.contains("<html"), "{}", standing.body);

    let page = owner.get("/config/subnets/new").await.expect(200);
    assert!(
        page.body.contains(&format!(r#"value="{scanner}" aria-label="berlin" checked"#)),
        "the only scanner is ticked"
    );
    let saved = owner
        .post("/config/subnets/new", &[("name", "office"), ("cidr", "10.0.0.0/24"), ("scannerIds", &scanner)])
        .await
        .expect(303);
    assert_eq!(saved.location(), "/config/subnets");
    owner.get("/config/port-lists/new").await.expect(200);
    owner.post("/config/port-lists/new", &[("name", "web"), ("ports", "80, 443")]).await.expect(303);

    let (subnets, lists) =
        (read(&mut owner, "/api/config/subnets").await, read(&mut owner, "/api/config/port-lists?q=web").await);
    let (subnet, list) = (id(&subnets["items"][0]), id(&lists["items"][0]));
    owner.get("/config/scan-templates/new").await.expect(200);
    let fields = [("name", "nightly"), ("subnetIds", &*subnet), ("portListIds", &*list)];
    let summary = owner.post("/config/scan-templates/summary", &fields).await.expect(200);
    assert!(summary.body.contains("512") && !summary.body.contains("<html"), "{}", summary.body);
    let saved = owner.post("/config/scan-templates/new", &[&fields[..], &[("then", "run")]].concat()).await.expect(303);
    assert_eq!(saved.location(), "/scans/1");
    let page = owner.get("/config/scan-templates").await.expect(200);
    assert!(page.body.contains("nightly") && page.body.contains("Run nightly"), "{}", page.body);
}

/// A form, what is typed into it, and what its page says then.
type Case = (&'static str, Vec<(&'static str, &'static str)>, Vec<&'static str>);

#[tokio::test]
async fn a_form_keeps_what_was_typed_and_says_what_is_wrong() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    made(&mut owner, "/api/config/subnets", json!({ "name": "office", "cidr": "10.0.0.0/24" })).await;
    let cases: [Case; 5] = [
        (
            "/config/subnets/new",
            vec![("name", "two words"), ("cidr", "10.0.0.7/24"), ("rateLimit", "fast"), ("description", "<b>")],
            vec![
                "two words",
                "10.0.0.7/24",
                "fast",
                "&lt;b&gt;",
                "10.0.0.0/24",
                "f-name-err",
                "f-cidr-err",
                "f-rateLimit-err",
            ],
        ),
        (
            "/config/subnets/new",
            vec![("name", "OFFICE"), ("cidr", "10.1.0.0/24")],
            vec!["called “OFFICE” already", "f-name-err"],
        ),
        (
            "/config/port-lists/new",
            vec![("name", "web"), ("ports", "80 abc 70000")],
            vec!["80 abc 70000", "character 4", "f-ports-err"],
        ),
        (
            "/config/scan-templates/new",
            vec![("name", "x")],
            vec!["Choose at least one target", "Choose at least one port list"],
        ),
        (
            "/config/exclusions/new",
            vec![("name", "x"), ("cidr", "10.0.0.1"), ("expiresAt", "soon")],
            vec!["is not a time", "Say why these addresses"],
        ),
    ];
    for (path, fields, told) in cases {
        owner.get(path).await.expect(200);
        let page = owner.post(path, &fields).await.expect(422);
        for words in told {
            assert!(page.body.contains(words), "{path}: {words}: {}", page.body);
        }
        assert!(page.body.contains(r#"id="errors""#));
    }
    assert_eq!(world.number("select count(*) from config.subnets").await, 1);
    assert_eq!(world.number("select count(*) from config.port_lists where not built_in").await, 0);
}

#[tokio::test]
async fn deleting_asks_for_the_exact_name_and_shows_what_is_in_the_way() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let subnet = made(&mut owner, "/api/config/subnets", json!({ "name": "office", "cidr": "10.0.0.0/24" })).await;
    let path = format!("/config/subnets/{}/delete", id(&subnet));
    owner.get(&path).await.expect(200);
    let refused = owner.post(&path, &[("confirm", "offic")]).await.expect(422);
    assert!(refused.body.contains("exactly"), "{}", refused.body);
    assert_eq!(world.number("select count(*) from config.subnets").await, 1);

    let template = template(&mut owner, "nightly", &id(&subnet)).await;
    let page = owner.get(&path).await.expect(200);
    assert!(
        page.body.contains("It is in use") && page.body.contains(&format!("/config/scan-templates/{}", id(&template)))
    );
    assert!(!page.body.contains(r#"name="confirm""#));
    owner.get(&format!("/config/scan-templates/{}/delete", id(&template))).await.expect(200);
    owner
        .post(&format!("/config/scan-templates/{}/delete", id(&template)), &[("confirm", "nightly")])
        .await
        .expect(303);
    let done = owner.post(&path, &[("confirm", "office")]).await.expect(303);
    assert_eq!(done.location(), "/config/subnets");
    assert_eq!(world.number("select count(*) from config.subnets").await, 0);
}

#[tokio::test]
async fn an_edit_that_comes_too_late_keeps_what_was_typed() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let subnet = made(&mut owner, "/api/config/subnets", json!({ "name": "office", "cidr": "10.0.0.0/24" })).await;
    let path = format!("/config/subnets/{}", id(&subnet));
    owner.get(&path).await.expect(200);
    let fields = [("version", "1"), ("name", "mine"), ("cidr", "10.0.0.0/24")];
    owner.post(&path, &[("version", "1"), ("name", "theirs"), ("cidr", "10.0.0.0/24")]).await.expect(303);
    let late = owner.post(&path, &fields).await.expect(422);
    assert!(late.body.contains("Somebody else changed it") && late.body.contains(r#"value="mine""#), "{}", late.body);
    assert!(late.body.contains(r#"name="version" value="2""#), "saving again overwrites knowingly: {}", late.body);
}

#[tokio::test]
async fn what_needs_the_password_asks_for_it_first() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let list = read(&mut owner, "/api/config/exclusions?q=loopback-v4").await;
    let path = format!("/config/exclusions/{}/disable", id(&list["items"][0]));
    owner.get(&path).await.expect(200);
    world.clock.advance(chrono::TimeDelta::minutes(6));
    for answer in [owner.get(&path).await, owner.post(&path, &[("reason", "lab")]).await] {
        assert_eq!(answer.expect(303).location(), format!("/reauth?next={path}"));
    }
    assert_eq!(world.number("select count(*) from config.exclusions where not enabled").await, 0);
}

#[tokio::test]
async fn a_viewer_sees_pages_without_what_changes_things() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let subnet = made(&mut owner, "/api/config/subnets", json!({ "name": "office", "cidr": "10.0.0.0/24" })).await;
    let template = template(&mut owner, "nightly", &id(&subnet)).await;
    world.user("vera", &["viewer"]).await;
    let mut viewer = world.signed_in("vera").await;
    let (subnet, template) =
        (format!("/config/subnets/{}", id(&subnet)), format!("/config/scan-templates/{}", id(&template)));
    for path in [
        "/config/scanners",
        "/config/subnets",
        "/config/port-lists",
        "/config/scan-templates",
        "/config/exclusions",
        &*subnet,
        &*template,
    ] {
        let page = viewer.get(path).await.expect(200);
        for word in ["main-act\" href=\"/config", "Delete…", "Clone</a>", "Save template", "Run now"] {
            assert!(!page.body.contains(word), "{path}: {word}");
        }
    }
    for path in [
        "/config/subnets/new",
        "/config/scanners/new",
        "/config/port-lists/new",
        "/config/scan-templates/new",
        "/config/exclusions/new",
    ] {
        viewer.get(path).await.expect(403);
    }
    viewer.post("/config/subnets/new", &[("name", "x"), ("cidr", "10.0.0.0/24")]).await.expect(403);
}
