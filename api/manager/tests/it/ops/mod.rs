//! `/api/ops/*`: each action with its right, its audit row and its refusals.
mod actions;
mod bulk;
mod operations;
mod pages;
mod queue_pages;
mod reader;
mod reads;
mod saved_views;

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Browser, World};

/// A task of `jobs.tasks` that nobody works on; answers its id.
pub async fn pending(world: &World) -> String {
    sqlx::query_scalar(
        "insert into jobs.tasks (queue, kind, payload, max_attempts, run_at, rank, created_by)
         values ('repair', 'repair_job', '{\"v\": 1, \"ids\": {\"jobErrorId\": \"7\"}}', 3, now() + interval '1 hour', now() + interval '1 hour', 'test')
         returning id::text",
    )
    .fetch_one(&world.superuser)
    .await
    .expect("inserts")
}

/// A dead one, made after all before it: ids are sorted by their millisecond.
pub async fn dead(world: &World) -> String {
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    sqlx::query_scalar(
        "insert into jobs.task_history (id, queue, kind, payload, status, priority, attempts, max_attempts, run_at, locked_by, started_at, last_error,
           fingerprint, created_by, created_at, finished_at)
         values (jobs.new_task_id(), 'repair', 'repair_job', '{\"v\": 1, \"ids\": {\"jobErrorId\": \"7\"}}', 'dead', 0, 3, 3, now(), 1, now(), 'no route',
           'repair_job: no route', 'test', now(), now()) returning id::text",
    )
    .fetch_one(&world.superuser)
    .await
    .expect("inserts")
}

/// A worker in name only; answers its number.
pub async fn worker(world: &World) -> i32 {
    sqlx::query_scalar(
        "select jobs.register_worker('w-00000000000000000000000001', 'w', 'dispatcher', 'h', 1, '1.0', '{repair}', 2)",
    )
    .fetch_one(&world.superuser)
    .await
    .expect("registers")
}

pub async fn post(browser: &mut Browser, path: &str, body: Value) -> Answer {
    browser.api(Method::POST, path, Some(body)).await
}

pub fn because() -> Value {
    json!({ "reason": "the cable is back" })
}

/// The newest audit row, as `actor action resource reason`.
pub async fn audited(world: &World) -> String {
    world.text("select concat_ws(' ', kind, actor, action, resource_type, reason) from config.audit_events order by seq desc limit 1").await
}

pub async fn rows(world: &World) -> i64 {
    world.number("select count(*) from config.audit_events").await
}
