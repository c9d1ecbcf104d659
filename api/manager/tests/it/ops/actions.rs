use axum::http::Method;
use serde_json::json;

use super::{audited, because, dead, pending, post, rows, worker};
use crate::support::World;

#[tokio::test]
async fn each_action_is_done_and_written_down() {
    let world = World::new().await;
    world.user("opal", &["queues:view", "queues:execute"]).await;
    let mut op = world.signed_in("opal").await;
    let (waits, died, no) = (pending(&world).await, dead(&world).await, worker(&world).await);
    world.tamper("insert into jobs.cron (name, schedule, queue, kind, payload) values ('prune', '0 3 * * *', 'maintenance', 'prune_tasks', '{\"v\": 1, \"ids\": {}}')").await;
    let task = |id: &str, action: &str| format!("/api/ops/tasks/{id}/{action}");
    for (path, body, status, wanted) in [
        ("/api/ops/queues/repair/pause".to_owned(), because(), 200, "paused queue the cable is back"),
        ("/api/ops/queues/repair/resume".to_owned(), json!({}), 200, "resumed queue "),
        (task(&waits, "priority"), json!({ "priority": 8 }), 200, "reprioritised task "),
        (task(&waits, "run-now"), json!({}), 200, "run-now task "),
        (task(&waits, "discard"), because(), 200, "discarded task the cable is back"),
        (task(&waits, "undo"), json!({}), 200, "undone task "),
        (task(&waits, "cancel"), because(), 200, "cancelled task the cable is back"),
        (task(&died, "retry"), json!({}), 200, "retried task "),
        (format!("/api/ops/workers/{no}/drain"), because(), 204, "drained worker the cable is back"),
        (format!("/api/ops/workers/{no}/drain"), json!({ "drain": false }), 204, "undrained worker "),
        ("/api/ops/cron/prune/run".to_owned(), json!({}), 202, "run cron "),
        ("/api/ops/cron/prune/pause".to_owned(), because(), 204, "paused cron the cable is back"),
        ("/api/ops/cron/prune/resume".to_owned(), json!({}), 204, "resumed cron "),
        (
            "/api/ops/failures/repair_job%3A%20no%20route/snooze".to_owned(),
            json!({ "until": world.app.clock.now() + chrono::TimeDelta::hours(3), "reason": "known" }),
            204,
            "snoozed failure group known",
        ),
    ] {
        let before = rows(&world).await;
        post(&mut op, &path, body).await.expect(status);
        assert_eq!(audited(&world).await, format!("change opal {wanted}"), "{path}");
        assert_eq!(rows(&world).await, before + 1, "{path}: one row");
    }
    assert_eq!(world.text("select status from jobs.task_history").await, "cancelled");
    assert_eq!(world.text("select status || max_attempts from jobs.tasks where kind = 'repair_job'").await, "pending6");
    assert_eq!(world.text("select fingerprint from jobs.failure_snoozes").await, "repair_job: no route");
    let topics = world.number("select count(*) from config.live_events where topic = 'queues'").await;
    assert_eq!(topics, 14, "each wakes the pages that show it");
}

#[tokio::test]
async fn what_takes_away_needs_a_reason() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let (waits, no) = (pending(&world).await, worker(&world).await);
    world.tamper("insert into jobs.cron (name, schedule, queue, kind, payload) values ('prune', '0 3 * * *', 'maintenance', 'prune_tasks', '{\"v\": 1, \"ids\": {}}')").await;
    let before = rows(&world).await;
    for path in [
        "/api/ops/queues/repair/pause".to_owned(),
        format!("/api/ops/tasks/{waits}/cancel"),
        format!("/api/ops/tasks/{waits}/discard"),
        format!("/api/ops/workers/{no}/drain"),
        "/api/ops/cron/prune/pause".to_owned(),
    ] {
        let answer = post(&mut owner, &path, json!({ "reason": " " })).await.expect(422);
        assert_eq!(answer.fields(), ["reason"], "{path}");
    }
    assert_eq!(rows(&world).await, before);
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let (waits, died) = (pending(&world).await, dead(&world).await);
    for (path, code) in [
        (format!("/api/ops/tasks/{waits}/retry"), "WRONG_STATUS"),
        (format!("/api/ops/tasks/{died}/cancel"), "WRONG_STATUS"),
        (format!("/api/ops/tasks/{died}/undo"), "WRONG_STATUS"),
        (format!("/api/ops/tasks/{died}/run-now"), "WRONG_STATUS"),
        ("/api/ops/queues/repair/resume".to_owned(), "WRONG_STATUS"),
    ] {
        let answer = post(&mut owner, &path, because()).await.expect(409);
        assert_eq!(answer.code(), code, "{path}");
    }
    let absent = "019b76a0-0000-7000-8000-000000000000";
    for path in [
        format!("/api/ops/tasks/{absent}/retry"),
        "/api/ops/queues/nowhere/pause".to_owned(),
        "/api/ops/workers/4711/drain".to_owned(),
        "/api/ops/cron/nothing/run".to_owned(),
        format!("/api/ops/bulk/{absent}/stop"),
    ] {
        post(&mut owner, &path, because()).await.expect(404);
    }
    let answer = post(&mut owner, &format!("/api/ops/tasks/{waits}/priority"), json!({ "priority": 10 })).await;
    assert_eq!(answer.expect(422).fields(), ["priority"]);
    let far = json!({ "until": "2999-01-01T00:00:00Z", "reason": "never" });
    assert_eq!(post(&mut owner, "/api/ops/failures/x/snooze", far).await.expect(422).fields(), ["until"]);
    world.tamper("insert into jobs.tasks (queue, kind, payload, max_attempts, created_by) values ('bulk', 'bulk_operation', '{\"v\": 1, \"ids\": {}}', 3, 'test')").await;
    let bulk = world.text("select id::text from jobs.tasks where kind = 'bulk_operation'").await;
    let answer = post(&mut owner, &format!("/api/ops/tasks/{bulk}/cancel"), because()).await.expect(409);
    assert_eq!(answer.code(), "STOP_THE_OPERATION");
}

#[tokio::test]
async fn limits_are_set_by_who_saw_them() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let put = async |owner: &mut crate::support::Browser, body| {
        owner.api(Method::PUT, "/api/ops/queues/repair/limits", Some(body)).await
    };
    let body = json!({ "version": 1, "concurrency": 7, "maxRunning": 9, "rateLimit": 100, "rateSeconds": 60 });
    let queue = put(&mut owner, body.clone()).await.expect(200).json();
    assert_eq!((&queue["concurrency"], &queue["maxRunning"], &queue["version"]), (&json!(7), &json!(9), &json!(2)));
    assert_eq!(put(&mut owner, body).await.expect(409).code(), "STALE_VERSION");
    let queue = put(&mut owner, json!({ "version": 2, "maxRunning": null })).await.expect(200).json();
    assert_eq!((&queue["maxRunning"], &queue["rateLimit"]), (&json!(null), &json!(100)), "what is left out stays");
    let answer =
        put(&mut owner, json!({ "version": 3, "concurrency": 0, "rateSeconds": 4000, "keepDeadDays": -1 })).await;
    assert_eq!(answer.expect(422).fields(), ["concurrency", "rateSeconds", "keepDeadDays"]);
    assert_eq!(put(&mut owner, json!({ "concurrency": 3 })).await.expect(422).fields(), ["version"]);
    let diff =
        world.text("select diff from config.audit_events where resource_type = 'queue' order by seq limit 1").await;
    assert!(diff.contains(r#""concurrency":2"#) && diff.contains(r#""concurrency":7"#), "{diff}");
}

#[tokio::test]
async fn who_may_only_look_may_not_act() {
    let world = World::new().await;
    world.user("viewer", &["viewer"]).await;
    let mut viewer = world.signed_in("viewer").await;
    let waits = pending(&world).await;
    viewer.get("/api/ops/queues").await.expect(200);
    let before = rows(&world).await;
    for path in [
        "/api/ops/queues/repair/pause".to_owned(),
        format!("/api/ops/tasks/{waits}/cancel"),
        "/api/ops/bulk".to_owned(),
        "/api/ops/cron/prune/run".to_owned(),
    ] {
        assert_eq!(post(&mut viewer, &path, because()).await.expect(403).json()["right"], "queues:execute", "{path}");
    }
    let args = viewer.get(&format!("/api/ops/tasks/{waits}/args?reveal=true")).await.expect(403).json();
    assert_eq!(args["right"], "task-args:view");
    assert_eq!(rows(&world).await, before);
    // Who may act sees what became of it.
    world.user("hands", &["queues:execute"]).await;
    post(&mut world.signed_in("hands").await, &format!("/api/ops/tasks/{waits}/cancel"), because()).await.expect(200);
}
