//! `/api/config/exclusions`
use axum::http::Method;
use mipo_domain::clock::Clock as _;
use serde_json::json;

use super::{call, id, made, read, refuses};
use crate::support::{PASSWORD, World};

const PATH: &str = "/api/config/exclusions";

#[tokio::test]
async fn taking_an_exclusion_away_needs_the_password_and_a_reason() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let built_in = read(&mut owner, &format!("{PATH}?builtIn=true&pageSize=50")).await;
    assert_eq!(built_in["total"], 13);
    let loopback = read(&mut owner, &format!("{PATH}?q=loopback-v4")).await;
    let path = format!("{PATH}/{}", id(&loopback["items"][0]));

    world.clock.advance(chrono::TimeDelta::minutes(6));
    let refused =
        call(&mut owner, Method::POST, &format!("{path}/disable"), json!({ "reason": "lab" })).await.expect(403);
    assert_eq!(refused.code(), "REAUTH_REQUIRED");
    let answer =
        call(&mut owner, Method::POST, "/api/auth/reauth", json!({ "password": PASSWORD })).await.expect(200).json();
    answer["csrfToken"].as_str().unwrap().clone_into(&mut owner.csrf);
    let refused =
        call(&mut owner, Method::POST, &format!("{path}/disable"), json!({ "reason": " " })).await.expect(422);
    assert_eq!(refused.fields(), ["reason"]);
    let off =
        call(&mut owner, Method::POST, &format!("{path}/disable"), json!({ "reason": "lab" })).await.expect(200).json();
    assert_eq!(
        (&off["enabled"], &off["inForce"], &off["disabledReason"]),
        (&json!(false), &json!(false), &json!("lab"))
    );
    let reason = world
        .text("select reason from config.audit_events where action = 'disabled' and resource_type = 'exclusion'")
        .await;
    assert_eq!(reason, "lab");
    let on = owner.api(Method::POST, &format!("{path}/enable"), None).await.expect(200).json();
    assert_eq!((&on["enabled"], &on["disabledReason"]), (&json!(true), &json!(null)));

    for (method, body) in [(Method::PUT, Some(json!({ "version": 3, "cidr": "127.0.0.0/16" }))), (Method::DELETE, None)]
    {
        assert_eq!(owner.api(method, &path, body).await.expect(403).code(), "BUILT_IN");
    }
}

#[tokio::test]
async fn an_exclusion_lives_from_create_to_delete() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let body =
        json!({ "name": "printer", "cidr": "10.0.0.9", "ports": "9100, 515", "reason": "prints what it is sent" });
    let printer = made(&mut owner, PATH, body.clone()).await;
    assert_eq!(
        (&printer["cidr"], &printer["ports"], &printer["owner"]),
        (&json!("10.0.0.9/32"), &json!("515,9100"), &json!("owner"))
    );
    assert_eq!(call(&mut owner, Method::POST, PATH, body).await.expect(409).code(), "NAME_TAKEN");
    let path = format!("{PATH}/{}", id(&printer));
    let in_an_hour = (world.clock.now() + chrono::TimeDelta::hours(1)).to_rfc3339();
    let edited = json!({ "version": 1, "ports": "", "expiresAt": in_an_hour });
    let edited = call(&mut owner, Method::PUT, &path, edited).await.expect(200).json();
    assert_eq!((&edited["ports"], &edited["inForce"]), (&json!(""), &json!(true)), "{edited}");
    let edited =
        call(&mut owner, Method::PUT, &path, json!({ "version": 2, "expiresAt": null })).await.expect(200).json();
    assert_eq!(edited["expiresAt"], json!(null));
    assert_eq!(call(&mut owner, Method::PUT, &path, json!({ "version": 2 })).await.expect(409).code(), "STALE_VERSION");
    owner.api(Method::DELETE, &path, None).await.expect(204);
    owner.api(Method::GET, &path, None).await.expect(404);
}

#[tokio::test]
async fn wrong_values_are_named_and_nothing_is_stored() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let good = json!({ "name": "x", "cidr": "10.0.0.9", "reason": "why" });
    let with = |field: &str, value: serde_json::Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let cases = vec![
        (with("name", json!("x y")), vec!["name"]),
        (with("cidr", json!("10.0.0.9/8")), vec!["cidr"]),
        (with("ports", json!("99999")), vec!["ports[0]"]),
        (with("ports", json!("53/udp")), vec!["ports"]),
        (with("reason", json!("")), vec!["reason"]),
        (with("reason", json!("x".repeat(10_001))), vec!["reason"]),
        (with("expiresAt", json!("2001-01-01T00:00:00Z")), vec!["expiresAt"]),
        (with("expiresAt", json!("tomorrow")), vec!["expiresAt"]),
        (with("enabled", json!(false)), vec!["enabled"]),
    ];
    refuses(&world, &mut owner, Method::POST, PATH, cases).await;
}

#[tokio::test]
async fn an_operator_sees_exclusions_and_changes_none() {
    let world = World::new().await;
    world.user("olga", &["operator"]).await;
    let mut operator = world.signed_in("olga").await;
    let list = read(&mut operator, PATH).await;
    let body = json!({ "name": "x", "cidr": "10.0.0.9", "reason": "why" });
    assert_eq!(call(&mut operator, Method::POST, PATH, body).await.expect(403).code(), "FORBIDDEN");
    let path = format!("{PATH}/{}/disable", id(&list["items"][0]));
    assert_eq!(
        call(&mut operator, Method::POST, &path, json!({ "reason": "x" })).await.expect(403).code(),
        "FORBIDDEN"
    );
}
