use serde_json::json;

use super::{audited, dead, pending, rows, worker};
use crate::support::World;

#[tokio::test]
async fn every_page_has_its_json() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let (waits, died, no) = (pending(&world).await, dead(&world).await, worker(&world).await);

    let queues = owner.get("/api/ops/queues").await.expect(200).json();
    assert_eq!(queues["items"].as_array().map(Vec::len), Some(9));
    let repair =
        queues["items"].as_array().expect("a list").iter().find(|queue| queue["name"] == "repair").expect("is there");
    assert_eq!(repair["counts"]["scheduled"], json!({ "value": 1, "about": false }));
    assert_eq!((&repair["counts"]["dead"]["value"], &repair["slots"]), (&json!(1), &json!(2)));
    let queue = owner.get("/api/ops/queues/repair?range=30d").await.expect(200).json();
    assert_eq!((&queue["range"], &queue["stepSeconds"]), (&json!("30d"), &json!(21_600)));
    owner.get("/api/ops/queues/nowhere").await.expect(404);
    assert_eq!(owner.get("/api/ops/queues/repair?range=2h").await.expect(422).fields(), ["range"]);

    let tasks = owner.get("/api/ops/tasks?q=kind:repair_job+-status:dead").await.expect(200).json();
    assert_eq!((&tasks["items"][0]["id"], &tasks["total"]["value"]), (&json!(waits), &json!(1)));
    let first = owner.get("/api/ops/tasks?pageSize=1").await.expect(200).json();
    let next = first["next"].as_str().expect("a second page");
    let second = owner.get(&format!("/api/ops/tasks?pageSize=1&cursor={next}")).await.expect(200).json();
    assert_eq!((&first["items"][0]["id"], &second["items"][0]["id"]), (&json!(died), &json!(waits)));
    assert_eq!((&second["next"], &second["total"]), (&json!(null), &json!(null)));
    let refused = owner.get("/api/ops/tasks?q=colour:red+x&pageSize=900&sort=kind&cursor=1&page=2").await.expect(422);
    assert_eq!(refused.fields(), ["q[0]", "q[1]", "pageSize", "sort", "cursor", "page"]);
    assert!(refused.body.contains("position 12"), "{}", refused.body);

    let task = owner.get(&format!("/api/ops/tasks/{waits}")).await.expect(200).json();
    assert_eq!(task["arguments"], json!({ "jobErrorId": "•••" }));
    assert_eq!((&task["why"][0]["reason"], &task["why"][0]["status"]), (&json!("notDue"), &json!("scheduled")));
    assert_eq!(task["spans"][0]["what"], "scheduled");

    let failures = owner.get("/api/ops/failures").await.expect(200).json();
    assert_eq!(
        (&failures["items"][0]["fingerprint"], &failures["items"][0]["sample"]),
        (&json!("repair_job: no route"), &json!(died))
    );
    let workers = owner.get("/api/ops/workers").await.expect(200).json();
    assert_eq!((&workers["items"][0]["no"], &workers["items"][0]["status"]), (&json!(no), &json!("live")));
    world.tamper("insert into jobs.cron (name, schedule, queue, kind, payload) values ('prune', '0 3 * * *', 'maintenance', 'prune_tasks', '{\"v\": 1, \"ids\": {}}')").await;
    let cron = owner.get("/api/ops/cron").await.expect(200).json();
    assert_eq!(cron["items"][0]["next"].as_array().map(Vec::len), Some(5));
    let database = owner.get("/api/ops/database").await.expect(200).json();
    assert_eq!(database["seesAll"], true);
    assert!(database["tables"].as_array().is_some_and(|tables| tables.iter().any(|table| table["name"] == "tasks")));
}

#[tokio::test]
async fn a_look_at_arguments_is_written_down() {
    let world = World::new().await;
    world.user("looks", &["queues:view", "task-args:view"]).await;
    let mut looks = world.signed_in("looks").await;
    let waits = pending(&world).await;
    let before = rows(&world).await;
    let path = format!("/api/ops/tasks/{waits}/args");
    assert_eq!(looks.get(&path).await.expect(422).fields(), ["reveal"]);
    assert_eq!(rows(&world).await, before, "nothing was shown");
    let shown = looks.get(&format!("{path}?reveal=true")).await.expect(200).json();
    assert_eq!(shown["arguments"], json!({ "jobErrorId": "7" }));
    assert_eq!(audited(&world).await.trim_end(), "view looks viewed task arguments");
    looks.get("/api/ops/tasks/019b76a0-0000-7000-8000-000000000000/args?reveal=true").await.expect(404);
}
