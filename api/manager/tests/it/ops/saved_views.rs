use axum::http::Method;
use serde_json::json;

use super::{audited, post};
use crate::support::World;

#[tokio::test]
async fn views_are_ones_own_or_shared() {
    let world = World::new().await;
    world.user("ann", &["viewer"]).await;
    world.user("bob", &["viewer"]).await;
    let (mut ann, mut bob) = (world.signed_in("ann").await, world.signed_in("bob").await);
    let new = json!({ "page": "ops/tasks", "name": "dead", "query": "q=status:dead" });
    let view = post(&mut ann, "/api/ops/views", new.clone()).await.expect(201).json();
    assert_eq!(audited(&world).await.trim_end(), "change ann created saved view");
    assert_eq!(post(&mut ann, "/api/ops/views", new).await.expect(409).code(), "NAME_TAKEN");
    let path = format!("/api/ops/views/{}", view["id"].as_str().expect("an id"));
    bob.get(&path).await.expect(404);
    assert_eq!(bob.get("/api/ops/views").await.expect(200).json()["items"], json!([]));

    let shared = ann.api(Method::PUT, &path, Some(json!({ "version": 1, "shared": true }))).await.expect(200).json();
    assert_eq!((&shared["version"], &shared["query"]), (&json!(2), &json!("q=status:dead")));
    let stale = ann.api(Method::PUT, &path, Some(json!({ "version": 1, "shared": false }))).await.expect(409);
    assert_eq!(stale.code(), "STALE_VERSION");
    let seen = bob.get(&path).await.expect(200).json();
    assert_eq!((&seen["own"], &seen["owner"]), (&json!(false), &json!("ann")));
    for (method, body) in [(Method::PUT, Some(json!({ "version": 2, "name": "mine" }))), (Method::DELETE, None)] {
        assert_eq!(bob.api(method, &path, body).await.expect(403).code(), "NOT_YOURS");
    }
    let copy = post(&mut bob, &format!("{path}/clone"), json!({ "name": "dead" })).await.expect(201).json();
    assert_eq!((&copy["own"], &copy["shared"]), (&json!(true), &json!(false)));
    assert_eq!(bob.get(&format!("{path}/history")).await.expect(200).json()["items"].as_array().map(Vec::len), Some(2));
    ann.api(Method::DELETE, &path, None).await.expect(204);
    ann.get(&path).await.expect(404);

    let wrong = json!({ "page": "elsewhere", "name": "a b", "query": "x" });
    let mut fields = post(&mut ann, "/api/ops/views", wrong).await.expect(422).fields();
    fields.sort();
    assert_eq!(fields, ["name", "page"]);
}
