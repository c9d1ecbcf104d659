use serde_json::json;

use super::{audited, dead, post, rows};
use crate::support::World;

#[tokio::test]
async fn an_operation_is_tried_started_and_stopped() {
    let world = World::new().await;
    world.user("opal", &["queues:execute"]).await;
    let mut op = world.signed_in("opal").await;
    for _ in 0..3 {
        dead(&world).await;
    }
    let before = rows(&world).await;
    let ask = json!({ "action": "retry", "filter": "status:dead error:route", "dryRun": true });
    let tried = post(&mut op, "/api/ops/bulk", ask).await.expect(200).json();
    assert_eq!((&tried["count"], tried["sample"].as_array().map(Vec::len)), (&json!(3), Some(3)));
    assert_eq!(rows(&world).await, before, "a dry run changes nothing");

    let mut ask =
        json!({ "action": "retry", "filter": "status:dead", "reason": "the cable is back", "expectedCount": 2 });
    assert_eq!(post(&mut op, "/api/ops/bulk", ask.clone()).await.expect(409).code(), "COUNT_CHANGED");
    ask["expectedCount"] = json!(3);
    let started = post(&mut op, "/api/ops/bulk", ask).await.expect(202).json();
    assert_eq!(
        (&started["status"], &started["totalCount"], &started["requestedBy"]),
        (&json!("pending"), &json!(3), &json!("opal"))
    );
    assert_eq!(audited(&world).await, "change opal started bulk operation the cable is back");
    let diff = world.text("select diff from config.audit_events order by seq desc limit 1").await;
    assert!(diff.contains("status:dead") && diff.contains(r#""count":3"#), "{diff}");
    assert_eq!(world.number("select count(*) from jobs.tasks where kind = 'bulk_operation'").await, 1);

    let path = format!("/api/ops/bulk/{}", started["id"].as_str().expect("an id"));
    assert_eq!(op.get("/api/ops/bulk").await.expect(200).json()["items"][0]["id"], started["id"]);
    let refused = post(&mut op, &format!("{path}/undo"), json!({ "reason": "no" })).await.expect(409);
    assert_eq!(refused.code(), "NOT_A_DISCARD");
    let stopped = post(&mut op, &format!("{path}/stop"), json!({})).await.expect(200).json();
    assert_eq!(stopped["status"], "stopped");
    assert_eq!(post(&mut op, &format!("{path}/stop"), json!({})).await.expect(409).code(), "WRONG_STATUS");
    assert_eq!(op.get(&path).await.expect(200).json()["status"], "stopped");
}

#[tokio::test]
async fn what_is_asked_wrongly_is_named() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    for (body, field) in [
        (json!({ "action": "explode", "filter": "" }), "action"),
        (json!({ "action": "retry", "filter": "x" }), "filter[0]"),
        (json!({ "action": "retry", "filter": "", "reason": "none match" }), "filter"),
        (json!({ "action": "cancel", "filter": "" }), "reason"),
        (json!({ "action": "reprioritise", "filter": "", "reason": "x" }), "priority"),
        (json!({ "action": "retry" }), "filter"),
        (json!({ "action": "retry", "filter": "", "force": true }), "force"),
    ] {
        let answer = post(&mut owner, "/api/ops/bulk", body.clone()).await.expect(422);
        assert_eq!(answer.fields(), [field], "{body}");
    }
}
