//! Wrong input into every form that changes something: what was typed stays, the field is named, nothing is stored.
use chrono::TimeDelta;
use serde_json::json;

use super::{id, made, read, template};
use crate::support::{Browser, PASSWORD, World};

/// What somebody types: field and value.
type Typed<'a> = &'a [(&'a str, &'a str)];

/// Posts what is wrong and expects its page again, with each of `told` on it.
async fn refused(browser: &mut Browser, path: &str, typed: Typed<'_>, told: &[&str]) {
    let page = browser.post(path, typed).await.expect(422);
    assert!(page.body.contains(r#"id="errors""#), "{path}: no summary: {}", page.body);
    for words in told {
        assert!(page.body.contains(words), "{path}: {words}: {}", page.body);
    }
}

/// Everything that forms store, as one number.
async fn changes(world: &World) -> i64 {
    world.number("select count(*) from config.audit_events where kind = 'change'").await
}

#[tokio::test]
async fn forms_of_scanners() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let body = json!({ "name": "berlin", "bindingMode": "ip" });
    let scanner = made(&mut owner, "/api/scanners", body).await;
    let scanner = format!("/config/scanners/{}", id(&scanner["scanner"]));
    let before = changes(&world).await;

    owner.get("/config/scanners/new").await.expect(200);
    let typed = [
        ("name", "two words"),
        ("description", "<i>"),
        ("rateLimit", "fast"),
        ("maxConcurrentJobs", "9"),
        ("ttlMinutes", "1"),
        ("bindingMode", "moon"),
    ];
    let told = ["two words", "&lt;i&gt;", "“fast” is not a whole number", "f-name-err", "f-rateLimit-err"];
    refused(&mut owner, "/config/scanners/new", &typed, &told).await;
    let told = ["f-maxConcurrentJobs-err", "f-ttlMinutes-err", "f-bindingMode-err"];
    let typed = [("name", "ok"), ("maxConcurrentJobs", "9"), ("ttlMinutes", "1"), ("bindingMode", "moon")];
    refused(&mut owner, "/config/scanners/new", &typed, &told).await;

    owner.get(&scanner).await.expect(200);
    let typed =
        [("version", "1"), ("name", "x y"), ("rateLimit", "-1"), ("maxConcurrentJobs", "0"), ("bindingMode", "ip")];
    refused(&mut owner, &scanner, &typed, &["x y", "f-name-err", "f-rateLimit-err", "f-maxConcurrentJobs-err"]).await;
    refused(&mut owner, &format!("{scanner}/bind"), &[("ip", "999.1.1.1")], &["999.1.1.1", "f-ip-err"]).await;
    refused(&mut owner, &format!("{scanner}/token"), &[("ttlMinutes", "soon")], &["“soon” is not a whole number"])
        .await;
    refused(&mut owner, &format!("{scanner}/delete"), &[("confirm", "Berlin")], &["exactly"]).await;
    assert_eq!(changes(&world).await, before);
}

#[tokio::test]
async fn forms_of_targets_and_templates() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let subnet = made(&mut owner, "/api/config/subnets", json!({ "name": "office", "cidr": "10.0.0.0/24" })).await;
    let template = template(&mut owner, "nightly", &id(&subnet)).await;
    let (subnet, template) =
        (format!("/config/subnets/{}", id(&subnet)), format!("/config/scan-templates/{}", id(&template)));
    owner.get(&subnet).await.expect(200);
    let before = changes(&world).await;

    let typed = [("version", "1"), ("name", "office"), ("cidr", "10.0.0.9/24"), ("rateLimit", "x")];
    refused(&mut owner, &subnet, &typed, &["10.0.0.9/24", "f-cidr-err", "f-rateLimit-err"]).await;
    let typed = [("version", "1"), ("scannerIds", "not-an-id")];
    refused(&mut owner, &format!("{subnet}/scanners"), &typed, &["“not-an-id” is no id"]).await;
    let typed = [("name", "lab"), ("cidr", "10.9.0.0/24"), ("scannerIds", "not-an-id")];
    refused(&mut owner, "/config/subnets/new", &typed, &["“not-an-id” is no id"]).await;

    let typed = [("version", "1"), ("name", "a b"), ("subnetIds", "x"), ("portListIds", "y")];
    let told = ["a b", "f-name-err"];
    refused(&mut owner, &template, &typed, &told).await;
    let typed = [("name", "other"), ("subnetIds", "x"), ("portListIds", "y")];
    refused(&mut owner, "/config/scan-templates/new", &typed, &["“x” is no id", "“y” is no id"]).await;

    let clones = [(&*subnet, "office"), (&*template, "nightly")];
    for (path, taken) in clones {
        refused(&mut owner, &format!("{path}/clone"), &[("name", "two words")], &["two words", "f-name-err"]).await;
        refused(&mut owner, &format!("{path}/clone"), &[("name", taken)], &["already", "f-name-err"]).await;
    }
    assert_eq!(changes(&world).await, before);
}

#[tokio::test]
async fn forms_of_exclusions() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let body = json!({ "name": "printer", "cidr": "10.0.0.7", "reason": "falls over" });
    let path = format!("/config/exclusions/{}", id(&made(&mut owner, "/api/config/exclusions", body).await));
    let before = changes(&world).await;
    let page = owner.get(&path).await.expect(200);
    assert!(page.body.contains(r#"type="datetime-local""#) && !page.body.contains(r#"type="text" id="f-expiresAt""#));

    let typed = [("version", "1"), ("name", "printer"), ("cidr", "10.0.0.7/8"), ("expiresAt", "soon")];
    let told = ["10.0.0.7/8", "“soon” is not a time", "f-cidr-err", "f-reason-err"];
    refused(&mut owner, &path, &typed, &told[..1]).await;
    refused(&mut owner, &path, &typed, &["f-cidr-err"]).await;
    refused(&mut owner, &format!("{path}/disable"), &[("reason", "")], &["f-reason-err"]).await;
    refused(&mut owner, &format!("{path}/clone"), &[("name", "printer")], &["already"]).await;
    assert_eq!(changes(&world).await, before);
}

#[tokio::test]
async fn an_exclusion_asks_for_the_password_in_the_form_that_needs_it() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let body = json!({ "name": "printer", "cidr": "10.0.0.7", "reason": "falls over" });
    let path = format!("/config/exclusions/{}", id(&made(&mut owner, "/api/config/exclusions", body).await));
    assert!(!owner.get(&path).await.expect(200).body.contains(r#"name="password""#), "it was given a moment ago");

    world.clock.advance(TimeDelta::minutes(6));
    let typed = [("version", "1"), ("name", "printer"), ("cidr", "10.0.0.7"), ("reason", "typed at length")];
    refused(&mut owner, &path, &typed, &["typed at length", r#"name="password""#, "f-password-err"]).await;
    let wrong = [&typed[..], &[("password", "not the password")]].concat();
    refused(&mut owner, &path, &wrong, &["typed at length", "This is not your password"]).await;
    assert!(owner.get(&path).await.expect(200).body.contains(r#"name="password""#), "the page asks at once");

    // A good password and a wrong field: the session goes on under another token, and the form holds it.
    let half = [("version", "1"), ("name", "a b"), ("cidr", "10.0.0.7"), ("reason", "why"), ("password", PASSWORD)];
    let page = owner.post(&path, &half).await.expect(422);
    assert!(page.body.contains("f-name-err") && !page.body.contains(r#"name="password""#), "{}", page.body);
    owner.get(&path).await.expect(200);
    assert_eq!(owner.post(&path, &typed).await.expect(303).location(), path);
    let stored = read(&mut owner, &format!("/api{path}")).await;
    assert_eq!(stored["reason"], "typed at length");
}
