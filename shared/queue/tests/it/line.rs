//! Who goes first, how many at a time, how many a second.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mipo_queue::actions::{self, QueueSettings};
use mipo_queue::{HandlerError, NewTask, Outcome};
use serde_json::{Value, json};

use crate::support::{Place, QUICK, SLOW, config, place, work};

const SETTINGS: QueueSettings = QueueSettings {
    paused: false,
    concurrency: 4,
    max_running: None,
    rate_limit: None,
    rate_seconds: 1,
    keep_done_days: None,
    keep_dead_days: None,
};

async fn set(place: &Place, queue: &str, settings: QueueSettings) {
    let pool = place.db.pool_as("mipo_manager");
    let mut conn = pool.acquire().await.expect("a connection");
    let version: i32 = sqlx::query_scalar("select version from jobs.queues where name = $1")
        .bind(queue)
        .fetch_one(&place.admin)
        .await
        .expect("reads");
    let next = actions::set_queue(&mut conn, queue, version, settings).await.expect("sets");
    assert_eq!(next, Some(version + 1));
    assert_eq!(actions::set_queue(&mut conn, queue, version, settings).await.expect("asks"), None, "a stale version");
}

/// Claims one task at a time as a worker that is there in name only, and gives their numbers.
async fn order(place: &Place, worker: i32, count: usize) -> Vec<i64> {
    let mut order = Vec::new();
    for _ in 0..count {
        let payload: Value = sqlx::query_scalar(
            "select payload from jobs.exchange($1, 60, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{planning}', '{1}', '{null}', '{slow}') where what = 'claimed'",
        )
        .bind(worker)
        .fetch_one(&place.pool)
        .await
        .expect("claims one");
        order.push(payload["ids"]["n"].as_i64().expect("a number"));
    }
    order
}

fn slow(n: i64) -> NewTask {
    NewTask::new(&SLOW, json!({ "n": n }))
}

async fn waited(place: &Place, n: i64, seconds: f64) {
    let moved = sqlx::query(
        "update jobs.tasks set run_at = run_at - make_interval(secs => $2), rank = rank - make_interval(secs => $2),
           created_at = created_at - make_interval(secs => $2)
         where (payload -> 'ids' ->> 'n')::bigint = $1",
    )
    .bind(n)
    .bind(seconds)
    .execute(&place.admin)
    .await
    .expect("moves");
    assert_eq!(moved.rows_affected(), 1);
}

#[tokio::test]
async fn a_higher_priority_goes_first_until_a_lower_one_has_waited_long_enough() {
    let place = place().await;
    place.enqueue(slow(1)).await;
    place.enqueue(slow(2).priority(5)).await;
    place.enqueue(slow(3).priority(9)).await;
    place.enqueue(slow(4)).await;
    // Ten seconds a step: after a minute without priority it stands before a new task of priority 5.
    waited(&place, 4, 60.0).await;
    let worker = place.register("w-00000000000000000000000000").await;
    assert_eq!(order(&place, worker, 4).await, [3, 4, 2, 1]);
}

#[tokio::test]
async fn a_flood_of_urgent_tasks_starves_nobody() {
    let place = place().await;
    place.enqueue(slow(0)).await;
    waited(&place, 0, 91.0).await;
    for n in 1..=50 {
        place.enqueue(slow(n).priority(9)).await;
    }
    let worker = place.register("w-00000000000000000000000000").await;
    assert_eq!(order(&place, worker, 1).await, [0]);
}

#[tokio::test]
async fn thousands_of_tasks_of_a_busy_key_do_not_stand_before_others() {
    let place = place().await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    let busy = (0..3000).map(|n| slow(n).concurrency_key("busy")).collect();
    mipo_queue::enqueue_many(&mut conn, busy).await.expect("enqueues");
    place.enqueue(slow(9001).concurrency_key("other")).await;
    place.enqueue(slow(9002)).await;
    let worker = place.register("w-00000000000000000000000000").await;
    let mut first = order(&place, worker, 3).await;
    first.sort_unstable();
    assert!(first[0] < 3000, "one of the busy key: {first:?}");
    assert_eq!(first[1..], [9001, 9002], "and the two that wait for nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_limit_holds_over_all_processes_in_any_window() {
    let place = place().await;
    set(&place, "conclude", QueueSettings { rate_limit: Some(5), rate_seconds: 1, ..SETTINGS }).await;
    let runs = Arc::new(AtomicU32::new(0));
    let processes: Vec<_> = (1..=3)
        .map(|seed| {
            let (driver, stop) = place.start(config("p", seed).slots("conclude", 4));
            let runs = Arc::clone(&runs);
            work!(driver, &QUICK, move |_: Value| {
                runs.fetch_add(1, Ordering::SeqCst);
                async { Ok::<_, HandlerError>(Outcome::Done) }
            });
            (driver, stop)
        })
        .collect();
    for n in 0..17 {
        place.enqueue(NewTask::new(&QUICK, json!({ "n": n }))).await;
    }
    place.until("done", 17).await;
    assert_eq!(runs.load(Ordering::SeqCst), 17);
    let most: i64 = sqlx::query_scalar(
        "select max((select count(*) from jobs.task_history o where o.started_at > h.started_at - interval '1 second' and o.started_at <= h.started_at))
         from jobs.task_history h",
    )
    .fetch_one(&place.admin)
    .await
    .expect("counts");
    assert!(most <= 5, "{most} began within one second");
    for (driver, stop) in processes {
        stop.cancel();
        driver.ended().await;
    }
}

#[tokio::test]
async fn a_bound_counts_what_runs_already() {
    let place = place().await;
    let worker = place.register("w-00000000000000000000000000").await;
    for n in 0..4 {
        place.enqueue(slow(n)).await;
    }
    order(&place, worker, 2).await;
    set(&place, "planning", QueueSettings { max_running: Some(2), ..SETTINGS }).await;
    let claimed: i64 = sqlx::query_scalar(
        "select count(*) from jobs.exchange($1, 60, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{planning}', '{4}', '{null}', '{slow}') where what = 'claimed'",
    )
    .bind(worker)
    .fetch_one(&place.pool)
    .await
    .expect("asks");
    assert_eq!(claimed, 0);
}

#[tokio::test]
async fn tasks_wait_for_a_group_and_are_let_in_by_its_end() {
    let place = place().await;
    for n in 0..3 {
        place.enqueue(slow(n).group("batch")).await;
    }
    let after = place.enqueue(slow(9).waits_for("batch")).await.expect("new");
    let at_once = place.enqueue(slow(8).waits_for("nobody")).await.expect("new");
    assert_eq!(place.task(after).await["state"], "waiting");
    assert_eq!(place.task(at_once).await["state"], "ready");
    let worker = place.register("w-00000000000000000000000000").await;
    let mut first = order(&place, worker, 4).await;
    first.sort_unstable();
    assert_eq!(first, [0, 1, 2, 8]);
    let finish = "select count(*) from (select array_agg(id) ids, array_agg(lease_token) tokens from jobs.tasks where status = 'running') r,
        jobs.exchange($1, 60, r.ids, r.tokens, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')";
    let ended: i64 = sqlx::query_scalar(finish).bind(worker).fetch_one(&place.pool).await.expect("ends them");
    assert_eq!(ended, 4);
    assert_eq!(order(&place, worker, 1).await, [9]);
}

#[tokio::test]
async fn a_claim_writes_no_index() {
    let place = place().await;
    let indexed: Vec<String> = sqlx::query_scalar(
        "select distinct a.attname::text from pg_index i
         join pg_attribute a on a.attrelid = i.indrelid and a.attnum > 0
         where i.indrelid = 'jobs.tasks'::regclass
           and (a.attnum = any (i.indkey) or pg_get_expr(i.indpred, i.indrelid) ~ ('\\m' || a.attname || '\\M'))",
    )
    .fetch_all(&place.admin)
    .await
    .expect("reads");
    // Those that a claim of a task without a key, in a queue without a bound, changes.
    for column in ["status", "attempts", "lease_token", "locked_by", "started_at", "snoozed"] {
        assert!(!indexed.contains(&column.to_owned()), "an index holds {column}: each claim would write it");
    }
    place.enqueue(slow(1)).await;
    let worker = place.register("w-00000000000000000000000000").await;
    let mut tx = place.admin.begin().await.expect("begins");
    sqlx::query("select * from jobs.exchange($1, 60, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{planning}', '{1}', '{null}', '{slow}')")
        .bind(worker)
        .execute(&mut *tx)
        .await
        .expect("claims");
    let (updated, hot): (i64, i64) = sqlx::query_as(
        "select pg_stat_get_xact_tuples_updated('jobs.tasks'::regclass), pg_stat_get_xact_tuples_hot_updated('jobs.tasks'::regclass)",
    )
    .fetch_one(&mut *tx)
    .await
    .expect("reads");
    assert_eq!((updated, hot), (1, 1), "within its page");
}
