use std::sync::{Arc, Mutex};
use std::time::Duration;

use mipo_queue::{HandlerError, NewTask, OnConflict, Outcome, enqueue, enqueue_many};
use serde_json::{Value, json};

use crate::support::{QUICK, config, place, work};

async fn done(_: Value) -> Result<Outcome, HandlerError> {
    Ok(Outcome::Done)
}

fn task(n: i64) -> NewTask {
    NewTask::new(&QUICK, json!({ "n": n }))
}

#[tokio::test]
async fn a_rolled_back_transaction_enqueues_nothing() {
    let place = place().await;
    let mut tx = place.pool.begin().await.expect("begins");
    assert!(enqueue(&mut tx, task(1)).await.expect("enqueues").is_some());
    tx.rollback().await.expect("rolls back");
    assert_eq!(place.count("ready").await, 0);

    let mut tx = place.pool.begin().await.expect("begins");
    let id = enqueue(&mut tx, task(1)).await.expect("enqueues").expect("new");
    tx.commit().await.expect("commits");
    let stored = place.task(id).await;
    assert_eq!(stored["payload"], json!({ "v": 1, "ids": { "n": 1 } }));
    assert_eq!((&stored["queue"], &stored["kind"]), (&json!("conclude"), &json!("quick")));
    assert_eq!(id.as_uuid().get_version_num(), 7);
}

#[tokio::test]
async fn a_unique_key_binds_pending_tasks_only() {
    let place = place().await;
    let keyed = |n| task(n).unique_key("k").delay(Duration::from_mins(1));
    let first = place.enqueue(keyed(1)).await.expect("new");
    assert_eq!(place.enqueue(keyed(2)).await, None, "skipped");
    assert_eq!(place.task(first).await["payload"]["ids"]["n"], 1);

    let replaced = place.enqueue(keyed(3).priority(4).on_conflict(OnConflict::Replace)).await;
    assert_eq!(replaced, Some(first), "the pending one became the new one");
    let stored = place.task(first).await;
    assert_eq!((&stored["payload"]["ids"]["n"], &stored["priority"]), (&json!(3), &json!(4)));

    let moved = place.enqueue(task(4).unique_key("k").on_conflict(OnConflict::Reschedule)).await;
    assert_eq!(moved, Some(first));
    let stored = place.task(first).await;
    assert_eq!((&stored["payload"]["ids"]["n"], &stored["state"]), (&json!(3), &json!("ready")));

    sqlx::query("update jobs.tasks set status = 'running', attempts = 1, lease_token = gen_random_uuid(), locked_by = 1, started_at = now(), claimed_key = unique_key, unique_key = null")
        .execute(&place.admin)
        .await
        .expect("runs");
    assert!(place.enqueue(keyed(5)).await.is_some(), "a running one binds nobody");
}

#[tokio::test]
async fn a_skipped_task_is_run_after_the_caller_committed() {
    let place = place().await;
    place.enqueue(task(1).unique_key("parts")).await.expect("new");
    let mut tx = place.pool.begin().await.expect("begins");
    assert_eq!(enqueue(&mut tx, task(2).unique_key("parts")).await.expect("enqueues"), None);
    // It stands for the caller's facts now: nobody may look before they are there.
    let (driver, stop) = place.start(config("a", 1));
    let worker = work!(driver, &QUICK, done);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!((place.count("ready").await, place.count("done").await), (1, 0));
    tx.commit().await.expect("commits");
    place.until("done", 1).await;
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}

#[tokio::test]
async fn a_task_that_comes_back_finds_its_key_taken_and_goes_without() {
    let place = place().await;
    let key = |place: &crate::support::Place, id: mipo_queue::TaskId| {
        let admin = place.admin.clone();
        async move {
            sqlx::query_scalar::<_, Option<String>>("select unique_key from jobs.all_tasks where id = $1")
                .bind(id.as_uuid())
                .fetch_one(&admin)
                .await
                .expect("reads")
        }
    };
    let fail = |id: mipo_queue::TaskId| {
        sqlx::query("select jobs.end_attempt(id, lease_token, 'retry', 0, 'e', 'f', null) from jobs.tasks where id = $1 and status = 'running'")
            .bind(id.as_uuid())
            .execute(&place.admin)
    };
    let claim = || {
        sqlx::query("update jobs.tasks set status = 'running', attempts = attempts + 1, lease_token = gen_random_uuid(), locked_by = 1, started_at = now(), claimed_key = unique_key, unique_key = null")
            .execute(&place.admin)
    };
    let first = place.enqueue(task(1).unique_key("k")).await.expect("new");
    claim().await.expect("runs");
    fail(first).await.expect("fails");
    assert_eq!(key(&place, first).await.as_deref(), Some("k"), "nobody took it");
    claim().await.expect("runs");
    // Taken by a transaction that is still open: it does not wait for it.
    let mut tx = place.pool.begin().await.expect("begins");
    let second = enqueue(&mut tx, task(2).unique_key("k")).await.expect("enqueues").expect("new");
    fail(first).await.expect("fails");
    assert_eq!(key(&place, first).await, None);
    tx.commit().await.expect("commits");
    assert_eq!(key(&place, second).await.as_deref(), Some("k"));
    assert_eq!(place.count("ready").await, 2);
}

#[tokio::test]
async fn many_tasks_are_answered_in_their_order() {
    let place = place().await;
    let tasks = vec![task(0), task(1).unique_key("b"), task(2).unique_key("a"), task(3).unique_key("b"), task(4)];
    let mut conn = place.pool.acquire().await.expect("a connection");
    let ids = enqueue_many(&mut conn, tasks).await.expect("enqueues");
    assert_eq!(ids.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, true, false, true]);
    for (n, id) in ids.iter().enumerate() {
        if let Some(id) = id {
            assert_eq!(place.task(*id).await["payload"]["ids"]["n"], n);
        }
    }
    assert!(enqueue_many(&mut conn, vec![]).await.expect("enqueues").is_empty());
}

#[tokio::test]
async fn only_objects_of_ids_are_payloads() {
    let place = place().await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    let error = enqueue(&mut conn, NewTask::new(&QUICK, 5)).await.expect_err("refused");
    assert!(error.to_string().contains("object of ids"), "{error}");
}

#[tokio::test]
async fn higher_priority_runs_first_and_nothing_before_its_time() {
    let place = place().await;
    place.enqueue(task(1)).await;
    place.enqueue(task(2).priority(9)).await;
    place.enqueue(task(3).priority(5)).await;
    let late = place.enqueue(task(4).priority(9).delay(Duration::from_millis(900))).await.expect("new");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let ours = Arc::clone(&seen);
    // Polls only each minute: what is scheduled wakes the driver by itself.
    let (driver, stop) = place.start(config("a", 1).slots("conclude", 1).poll_every(Duration::from_mins(1)));
    let worker = work!(driver, &QUICK, move |ids: Value| {
        let seen = Arc::clone(&ours);
        async move {
            seen.lock().expect("lives").push(ids["n"].as_i64().expect("a number"));
            Ok::<_, HandlerError>(Outcome::Done)
        }
    });
    place.until("done", 4).await;
    assert_eq!(*seen.lock().expect("lives"), [2, 3, 1, 4]);
    let in_time: bool = sqlx::query_scalar("select started_at >= run_at from jobs.task_history where id = $1")
        .bind(late.as_uuid())
        .fetch_one(&place.admin)
        .await
        .expect("reads");
    assert!(in_time);
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}

#[tokio::test]
async fn a_task_waits_for_its_group() {
    let place = place().await;
    for n in 0..5 {
        place.enqueue(task(n).group("batch").delay(Duration::from_millis(100 * n.unsigned_abs()))).await;
    }
    let last = place.enqueue(task(9).waits_for("batch")).await.expect("new");
    assert_eq!(place.task(last).await["state"], "waiting");
    let (driver, stop) = place.start(config("a", 1).poll_every(Duration::from_mins(1)));
    let worker = work!(driver, &QUICK, done);
    place.until("done", 6).await;
    let after_all: bool = sqlx::query_scalar(
        "select started_at >= (select max(finished_at) from jobs.task_history where group_key = 'batch') from jobs.task_history where id = $1",
    )
    .bind(last.as_uuid())
    .fetch_one(&place.admin)
    .await
    .expect("reads");
    assert!(after_all);
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}

#[tokio::test]
async fn roles_reach_what_they_need_and_nothing_else() {
    let place = place().await;
    let ingest = place.db.pool_as("mipo_ingest");
    let mut conn = ingest.acquire().await.expect("connects");
    let results = NewTask::new(&mipo_queue::kinds::STORE_RESULTS, json!({}));
    assert!(enqueue(&mut conn, results).await.expect("may hand over").is_some());
    for kind in [&mipo_queue::kinds::RUN_BACKUP, &mipo_queue::kinds::CONCLUDE_SCAN] {
        let error = enqueue(&mut conn, NewTask::new(kind, json!({}))).await.expect_err("not its kind");
        assert!(error.to_string().contains("ingest may not"), "{error}");
    }

    let refused = |role: &'static str, sql: &'static str| {
        let pool = place.db.pool_as(role);
        async move {
            let error = sqlx::query(sql).execute(&pool).await.expect_err(sql);
            assert_eq!(
                error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref(),
                Some("42501"),
                "{role}: {sql}: {error}"
            );
        }
    };
    refused("mipo_ingest", "select * from jobs.tasks").await;
    refused("mipo_ingest", "select jobs.rescue()").await;
    refused("mipo_ops_read", "delete from jobs.tasks").await;
    refused("mipo_ops_read", "select jobs.rescue()").await;
    refused("mipo_dispatcher", "update jobs.tasks set priority = 1").await;
    refused("mipo_manager", "insert into jobs.task_history select * from jobs.task_history").await;
    let seen: i64 = sqlx::query_scalar("select count(*) from jobs.all_tasks where state = 'ready'")
        .fetch_one(&place.db.pool_as("mipo_ops_read"))
        .await
        .expect("ops reads");
    assert_eq!(seen, 1);

    // A process of another service gets nothing of this queue.
    let other = place.register("m-00000000000000000000000000").await;
    let claimed: Vec<String> = sqlx::query_scalar(
        "select what from jobs.exchange($1, 25, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{results}', '{5}', '{null}', '{store_results}') where what = 'claimed'",
    )
    .bind(other)
    .fetch_all(&place.db.pool_as("mipo_manager"))
    .await
    .expect("asks");
    assert!(claimed.is_empty());
}
