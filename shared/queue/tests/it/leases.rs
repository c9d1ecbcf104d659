use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use apalis_core::worker::builder::WorkerBuilder;
use mipo_queue::{HandlerError, NewTask, Outcome, TaskContext};
use serde_json::{Value, json};
use tower::limit::ConcurrencyLimitLayer;

use crate::support::{Place, SLOW, config, place, until, work};

fn slow() -> NewTask {
    NewTask::new(&SLOW, json!({}))
}

/// A process that claims and dies before it does anything.
async fn claim_and_die(place: &Place) -> i64 {
    let ghost = place.register("ghost-00000000000000000000000000").await;
    sqlx::query_scalar(
        "select count(*) from jobs.exchange($1, 0, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{planning}', '{1}', '{null}', '{slow}') where what = 'claimed'",
    )
    .bind(ghost)
    .fetch_one(&place.pool)
    .await
    .expect("claims")
}

async fn rescue(place: &Place) -> i32 {
    sqlx::query_scalar("select jobs.rescue()").fetch_one(&place.pool).await.expect("rescues")
}

#[tokio::test]
async fn a_task_that_kills_its_process_ends_dead() {
    let place = place().await;
    let id = place.enqueue(slow()).await.expect("new");
    for _ in 0..3 {
        assert_eq!(claim_and_die(&place).await, 1);
        assert_eq!(rescue(&place).await, 1);
    }
    assert_eq!(claim_and_die(&place).await, 0);
    let task = place.task(id).await;
    assert_eq!((&task["state"], &task["attempts"]), (&json!("dead"), &json!(3)));
    assert!(task["last_error"].as_str().is_some_and(|error| error.contains("lease lost: worker ghost-")), "{task}");
    let rescued: i64 = sqlx::query_scalar("select count(*) from jobs.task_attempts where outcome = 'rescued'")
        .fetch_one(&place.admin)
        .await
        .expect("counts");
    assert_eq!(rescued, 2);
}

#[tokio::test]
async fn another_process_runs_what_a_dead_one_held() {
    let place = place().await;
    place.enqueue(slow()).await.expect("new");
    assert_eq!(claim_and_die(&place).await, 1);
    let (driver, stop) = place.start(config("a", 1));
    let worker = work!(driver, &SLOW, |_: Value, task: TaskContext| async move {
        assert_eq!(task.attempt(), 2);
        Ok::<_, HandlerError>(Outcome::Done)
    });
    place.until("done", 1).await;
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}

#[tokio::test]
async fn a_stale_answer_is_refused_and_counted() {
    let place = place().await;
    let go = Arc::new(AtomicBool::new(false));
    let (old, stop_old) = place.start(config("same-name", 1));
    let ours = Arc::clone(&go);
    let worker = work!(old, &SLOW, move |_: Value| {
        let go = Arc::clone(&ours);
        async move {
            // Deaf to its cancellation, as a process that was stopped for long.
            until("go", || go.load(Ordering::SeqCst)).await;
            Ok::<_, HandlerError>(Outcome::Done)
        }
    });
    let id = place.enqueue(slow()).await.expect("new");
    place.until("running", 1).await;
    // Somebody else got it: another token, another holder.
    let other = place.register("other-00000000000000000000000000").await;
    sqlx::query("update jobs.tasks set lease_token = gen_random_uuid(), attempts = 2, locked_by = $1")
        .bind(other)
        .execute(&place.admin)
        .await
        .expect("takes over");
    go.store(true, Ordering::SeqCst);
    until("the answer is refused", || old.stale_count() == 1).await;
    assert_eq!(place.task(id).await["state"], "running", "the new holder has it still");
    stop_old.cancel();
    old.ended().await;
    worker.await.expect("joins").expect("ends well");
    let counted: i64 = sqlx::query_scalar("select stale_count from jobs.workers where id = $1")
        .bind(old.worker_id())
        .fetch_one(&place.admin)
        .await
        .expect("reads");
    assert_eq!(counted, 1);
}

#[tokio::test]
async fn a_handler_whose_lease_is_lost_is_stopped() {
    let place = place().await;
    let stopped = Arc::new(AtomicBool::new(false));
    let (driver, stop) = place.start(config("a", 1));
    let ours = Arc::clone(&stopped);
    let worker = work!(driver, &SLOW, move |_: Value, task: TaskContext| {
        let stopped = Arc::clone(&ours);
        async move {
            if task.attempt() == 1 {
                task.cancelled().cancelled().await;
                stopped.store(true, Ordering::SeqCst);
            }
            Ok::<_, HandlerError>(Outcome::Done)
        }
    });
    place.enqueue(slow()).await.expect("new");
    place.until("running", 1).await;
    let silent = place.register("silent-00000000000000000000000000").await;
    sqlx::query("with silent as (update jobs.workers set lease_until = now() - interval '1 s' where no = $1) update jobs.tasks set lease_token = gen_random_uuid(), locked_by = $1")
        .bind(silent)
        .execute(&place.admin)
        .await
        .expect("takes");
    until("the handler hears of it", || stopped.load(Ordering::SeqCst)).await;
    // Rescued, and run again by whoever is free: here the same process.
    place.until("done", 1).await;
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}

#[tokio::test]
async fn a_lease_is_renewed_for_as_long_as_the_handler_runs() {
    let place = place().await;
    let runs = Arc::new(AtomicU32::new(0));
    let started: Vec<_> = (1..=2)
        .map(|seed| {
            let (driver, stop) = place.start(config("a", seed).leases(
                Duration::from_secs(1),
                Duration::from_millis(250),
                Duration::from_millis(200),
            ));
            let ours = Arc::clone(&runs);
            let worker = work!(driver, &SLOW, move |_: Value| {
                ours.fetch_add(1, Ordering::SeqCst);
                async move {
                    tokio::time::sleep(Duration::from_millis(2500)).await;
                    Ok::<_, HandlerError>(Outcome::Done)
                }
            });
            (driver, stop, worker)
        })
        .collect();
    place.enqueue(slow()).await.expect("new");
    place.enqueue(slow()).await.expect("new");
    tokio::time::sleep(Duration::from_millis(500)).await;
    // Draining counts too: the leases go on until the handlers are done.
    for (_, stop, _) in &started {
        stop.cancel();
    }
    for (driver, _, worker) in started {
        driver.ended().await;
        worker.await.expect("joins").expect("ends well");
    }
    assert_eq!((place.count("done").await, runs.load(Ordering::SeqCst)), (2, 2), "each ran once");
}

#[tokio::test]
async fn what_was_not_begun_is_handed_back_with_its_attempt() {
    let place = place().await;
    let (driver, stop) = place.start(config("a", 1).slots("planning", 4).drain(Duration::from_millis(300)));
    // Four slots, and a layer that lets one through at a time: three claims wait in the worker.
    let worker = tokio::spawn(
        WorkerBuilder::new("one-by-one")
            .backend(driver.backend::<Value>(&SLOW))
            .layer(ConcurrencyLimitLayer::new(1))
            .build(|_: Value, task: TaskContext| async move {
                task.cancelled().cancelled().await;
                Err::<Outcome, _>(HandlerError::retry("interrupted"))
            })
            .run(),
    );
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(place.enqueue(slow()).await.expect("new"));
    }
    place.until("running", 4).await;
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
    for id in ids {
        let task = place.task(id).await;
        assert_eq!((&task["state"], &task["attempts"]), (&json!("ready"), &json!(0)), "{task}");
    }
    let stopped: bool = sqlx::query_scalar("select stopped_at is not null from jobs.workers where id = $1")
        .bind(driver.worker_id())
        .fetch_one(&place.admin)
        .await
        .expect("reads");
    assert!(stopped);
}

#[tokio::test]
async fn a_dropped_worker_hands_its_tasks_back() {
    let place = place().await;
    let (driver, stop) = place.start(config("a", 1));
    let worker =
        work!(driver, &SLOW, |_: Value| async move { std::future::pending::<Result<Outcome, HandlerError>>().await });
    let id = place.enqueue(slow()).await.expect("new");
    place.until("running", 1).await;
    worker.abort();
    place.until("ready", 1).await;
    assert_eq!(place.task(id).await["attempts"], 0);
    stop.cancel();
    driver.ended().await;
}

#[tokio::test]
async fn claims_whose_answer_was_lost_are_given_back() {
    let place = place().await;
    let id = place.enqueue(slow()).await.expect("new");
    assert_eq!(claim_and_die(&place).await, 1);
    let ghost = place.register("ghost-00000000000000000000000000").await;
    let given: i32 = sqlx::query_scalar("select jobs.give_back_unknown($1, '{}')")
        .bind(ghost)
        .fetch_one(&place.pool)
        .await
        .expect("gives back");
    assert_eq!(given, 1);
    let task = place.task(id).await;
    assert_eq!((&task["state"], &task["attempts"]), (&json!("ready"), &json!(0)));
}
