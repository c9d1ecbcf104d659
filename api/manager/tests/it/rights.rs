//! Every route of the OpenAPI document, without credentials, with the wrong role, and one right short (S28).
use axum::http::Method;
use mipo_domain::rights::Right;
use mipo_manager::api::guard::{Need, operations};
use serde_json::json;

use crate::support::World;

/// A path with something in place of its parameters.
fn concrete(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "019b76a0-0000-7000-8000-000000000000" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test]
async fn nobody_gets_anywhere_without_signing_in() {
    let world = World::new().await;
    let mut count = 0;
    for (method, path, need) in operations() {
        count += 1;
        let answer = world.browser().api(method.clone(), &concrete(path), Some(json!({}))).await;
        match need {
            Need::Nothing => assert_eq!(path, "/api/auth/login", "only signing in needs nothing"),
            _ => {
                assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "NOT_SIGNED_IN"), "{method} {path}");
            }
        }
    }
    assert!(count >= 16, "{count} operations");
}

#[tokio::test]
async fn a_role_without_the_right_is_refused_before_anything_is_read() {
    let world = World::new().await;
    world.user("nothing", &[]).await;
    let mut nobody = world.signed_in("nothing").await;
    for (method, path, need) in operations() {
        let Need::Right(right) = need else { continue };
        let answer = nobody.api(method.clone(), &concrete(path), Some(json!({ "nonsense": true }))).await.expect(403);
        assert_eq!(
            (answer.code().as_str(), &answer.json()["right"]),
            ("FORBIDDEN", &json!(right.as_str())),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn every_right_but_the_one_that_counts_is_not_enough() {
    let world = World::new().await;
    let mut needed: Vec<Right> = operations()
        .filter_map(|(_, _, need)| if let Need::Right(right) = need { Some(right) } else { None })
        .collect();
    needed.sort_unstable();
    needed.dedup();
    for right in needed {
        let others: Vec<&str> =
            Right::ALL.iter().filter(|other| **other != right).map(|other| other.as_str()).collect();
        let name = format!("but-{}", right.as_str().replace(':', "-"));
        world.user(&name, &others).await;
        let mut browser = world.signed_in(&name).await;
        for (method, path, _) in operations().filter(|(_, _, need)| *need == Need::Right(right)) {
            browser.api(method.clone(), &concrete(path), Some(json!({}))).await.expect(403);
        }
    }
}

#[tokio::test]
async fn who_is_signed_in_has_their_own_account_and_the_document() {
    let world = World::new().await;
    world.user("nothing", &[]).await;
    let mut browser = world.signed_in("nothing").await;
    for path in ["/api/me", "/api/me/sessions", "/api/openapi.json"] {
        browser.get(path).await.expect(200);
    }
}

#[tokio::test]
async fn the_document_describes_everything() {
    let world = World::new().await;
    let document = world.signed_in("owner").await.get("/api/openapi.json").await.expect(200).json();
    assert!(document["openapi"].as_str().expect("a version").starts_with("3.1"));
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        assert!(path.starts_with("/api/"), "{path}");
        for (method, operation) in item.as_object().expect("an item") {
            let what = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{what} has no summary");
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{what} has no operationId"));
            assert!(ids.insert(id.to_owned()), "{what}: {id} is taken");
            let refusals = &operation["responses"]["default"]["content"];
            assert!(refusals.get("application/problem+json").is_some(), "{what} does not describe refusals");
            if let Some(right) = operation.get("x-right") {
                assert!(
                    right.as_str().expect("text").parse::<Right>().is_ok(),
                    "{what} needs {right}, which is no right"
                );
            }
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let described = parameters.iter().any(|one| one["in"] == "path" && one["name"] == name);
                assert!(described, "{what} does not describe {name}");
            }
        }
    }
    assert!(document["components"]["schemas"]["Problem"].is_object());
}

#[tokio::test]
async fn an_unknown_route_or_method_is_told_as_a_problem() {
    let world = World::new().await;
    let mut browser = world.signed_in("owner").await;
    assert_eq!(browser.api(Method::GET, "/api/nothing", None).await.expect(404).code(), "NOT_FOUND");
    assert_eq!(browser.api(Method::PATCH, "/api/me", None).await.expect(405).code(), "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn pages_hide_what_the_api_refuses() {
    let world = World::new().await;
    world.user("nothing", &[]).await;
    let mut browser = world.signed_in("nothing").await;
    for path in ["/health/alerting/alarms", "/health/alerting/events"] {
        let page = browser.get(path).await.expect(403);
        assert!(page.body.contains("needs the right"), "{}", page.body);
    }
    let profile = browser.get("/profile").await.expect(200);
    assert!(!profile.body.contains(r#"href="/health/alerting/alarms""#), "no entry for a page that would refuse");
}
