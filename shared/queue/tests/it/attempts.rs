use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mipo_queue::actions::{self, Cancelled};
use mipo_queue::{HandlerError, NewTask, Outcome, TaskContext};
use serde_json::{Value, json};

use crate::support::{QUICK, SLOW, config, place, work};

fn says(what: &str) -> NewTask {
    NewTask::new(&QUICK, json!({ "say": what }))
}

/// Does what its payload says.
async fn obey(ids: Value, task: TaskContext) -> Result<Outcome, HandlerError> {
    match ids["say"].as_str().unwrap_or_default() {
        "fail" => Err(std::io::Error::other(format!("attempt {} found no disk", task.attempt())).into()),
        "fail once" if task.attempt() == 1 => Err(HandlerError::retry("not this time")),
        "panic" => panic!("no hands on the wheel"),
        "abort" => Err(HandlerError::abort("there is no such scan")),
        "hang" => std::future::pending().await,
        "later" => Ok(Outcome::RetryAfter { delay: Duration::from_millis(10), reason: "busy".to_owned() }),
        _ => Ok(Outcome::Done),
    }
}

/// Reads numbers and nothing else.
#[derive(serde::Deserialize)]
struct Strict {
    number: u32,
}

async fn strict(ids: Strict, task: TaskContext) -> Result<Outcome, HandlerError> {
    assert_eq!(task.kind().name, "slow");
    if ids.number == 0 { Err(HandlerError::abort("zero")) } else { Ok(Outcome::Done) }
}

#[tokio::test]
async fn failures_are_spaced_and_the_last_one_is_dead_with_its_reason() {
    let place = place().await;
    let (driver, stop) = place.start(config("a", 1));
    let worker = work!(driver, &QUICK, obey);
    let id = place.enqueue(says("fail")).await.expect("new");
    place.until("dead", 1).await;
    let task = place.task(id).await;
    assert_eq!((&task["attempts"], &task["last_error"]), (&json!(3), &json!("attempt 3 found no disk")));
    assert_eq!(task["fingerprint"], "quick: attempt # found no disk");
    let rows: Vec<(i32, String, String, f64)> = sqlx::query_as(
        "select attempt, outcome, error, extract(epoch from lead(started_at, 1, (select started_at from jobs.task_history)) over (order by attempt) - ended_at)::float8
         from jobs.task_attempts where task_id = $1 order by attempt",
    )
    .bind(id.as_uuid())
    .fetch_all(&place.admin)
    .await
    .expect("reads");
    assert_eq!(rows.len(), 2, "the last attempt stands in the task itself");
    for (row, least) in rows.iter().zip([0.08, 0.16]) {
        assert_eq!((row.1.as_str(), row.2.contains("found no disk")), ("failed", true));
        assert!(row.3 >= least, "attempt {} was followed after {} s", row.0, row.3);
    }
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("the worker lives to its end");
}

#[tokio::test]
async fn bad_payloads_panics_and_aborts_end_tasks_and_never_the_worker() {
    let place = place().await;
    let (driver, stop) = place.start(config("a", 1));
    let workers = [
        work!(driver, &QUICK, obey),
        tokio::spawn(
            apalis_core::worker::builder::WorkerBuilder::new("strict")
                .backend(driver.backend(&SLOW))
                .build(strict)
                .run(),
        ),
    ];
    let unreadable = place.enqueue(NewTask::new(&SLOW, json!({ "number": "seven" }))).await.expect("new");
    let zero = place.enqueue(NewTask::new(&SLOW, json!({ "number": 0 }))).await.expect("new");
    let panics = place.enqueue(says("panic")).await.expect("new");
    let aborts = place.enqueue(says("abort")).await.expect("new");
    let unversioned = place
        .enqueue(NewTask::new(&SLOW, json!({ "number": 1 })).delay(Duration::from_millis(200)))
        .await
        .expect("new");
    sqlx::query("update jobs.tasks set payload = jsonb_set(payload, '{v}', '0') where id = $1")
        .bind(unversioned.as_uuid())
        .execute(&place.admin)
        .await
        .expect("writes");
    place.until("dead", 5).await;
    let why = |task: &Value| (task["attempts"].clone(), task["last_error"].as_str().unwrap_or_default().to_owned());
    let (attempts, error) = why(&place.task(unreadable).await);
    assert!(attempts == 1 && error.starts_with("unreadable payload: invalid type"), "{error}");
    assert_eq!(why(&place.task(zero).await), (json!(1), "zero".to_owned()));
    assert_eq!(why(&place.task(panics).await), (json!(3), "panicked: no hands on the wheel".to_owned()));
    assert_eq!(why(&place.task(aborts).await), (json!(1), "there is no such scan".to_owned()));
    assert_eq!(why(&place.task(unversioned).await), (json!(1), "unreadable payload: it has no version".to_owned()));

    place.enqueue(NewTask::new(&SLOW, json!({ "number": 3 }))).await;
    place.enqueue(says("done")).await;
    place.until("done", 2).await;
    stop.cancel();
    driver.ended().await;
    for worker in workers {
        worker.await.expect("joins").expect("the worker lives to its end");
    }
}

#[tokio::test]
async fn a_task_of_a_newer_version_waits_for_a_newer_process() {
    let place = place().await;
    let id = place.enqueue(says("done")).await.expect("new");
    sqlx::query("update jobs.tasks set payload = jsonb_set(payload, '{v}', '2')")
        .execute(&place.admin)
        .await
        .expect("writes");
    let (driver, stop) = place.start(config("old", 1));
    let worker = work!(driver, &QUICK, obey);
    place.until("snoozed", 1).await;
    assert_eq!(place.task(id).await["attempts"], 0);
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}

#[tokio::test]
async fn a_snooze_uses_no_attempt_and_an_own_delay_is_kept() {
    let place = place().await;
    let (driver, stop) = place.start(config("a", 1));
    let looks = Arc::new(AtomicU32::new(0));
    let ours = Arc::clone(&looks);
    let worker = work!(driver, &QUICK, move |_: Value, task: TaskContext| {
        let looks = ours.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            assert_eq!(task.attempt(), 1, "a snooze restores the attempt");
            Ok::<_, HandlerError>(if looks < 6 { Outcome::Snooze(Duration::from_millis(30)) } else { Outcome::Done })
        }
    });
    let id = place.enqueue(says("")).await.expect("new");
    place.until("done", 1).await;
    assert_eq!((looks.load(Ordering::SeqCst), &place.task(id).await["attempts"]), (6, &json!(1)));
    let attempts: i64 =
        sqlx::query_scalar("select count(*) from jobs.task_attempts").fetch_one(&place.admin).await.expect("counts");
    assert_eq!(attempts, 0);
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}

#[tokio::test]
async fn a_handler_that_hangs_is_ended_at_its_deadline() {
    let place = place().await;
    let (driver, stop) = place.start(config("a", 1));
    let worker = work!(driver, &QUICK, |ids: Value, task: TaskContext| async move {
        // Half of them listen.
        if ids["say"] == "listen" {
            task.cancelled().cancelled().await;
            return Err(HandlerError::retry("stopped"));
        }
        Ok(Outcome::Done)
    });
    let id = place.enqueue(says("listen")).await.expect("new");
    place.until("retrying", 1).await;
    let error = place.task(id).await["last_error"].clone();
    assert!(error.as_str().is_some_and(|error| error.starts_with("deadline: still running after")), "{error}");
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}

#[tokio::test]
async fn idle_means_nothing_due_and_failures_are_told_once() {
    let place = place().await;
    let (driver, stop) = place.start(config("a", 1).by_hand());
    let worker = work!(driver, &QUICK, obey);
    for what in ["done", "fail once", "abort", "done"] {
        place.enqueue(says(what)).await;
    }
    place.enqueue(says("done").delay(Duration::from_hours(1))).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(place.count("ready").await, 4, "nothing runs before it is told to");
    let mut failed = driver.run_until_idle().await.expect("runs");
    failed.sort_by_key(|task| task.dead);
    let told: Vec<_> = failed.iter().map(|task| (task.error.as_str(), task.attempt, task.dead)).collect();
    assert_eq!(told, [("not this time", 1, false), ("there is no such scan", 1, true)]);
    // The one that failed may be due again by now, and nothing runs it.
    assert_eq!((place.count("scheduled").await, place.count("running").await), (1, 0));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(driver.run_until_idle().await.expect("runs"), []);
    assert_eq!(place.count("done").await, 3);
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}

#[tokio::test]
async fn a_cancellation_reaches_the_running_handler() {
    let place = place().await;
    let (driver, stop) = place.start(config("a", 1));
    let worker = work!(driver, &SLOW, |_: Value, task: TaskContext| async move {
        task.cancelled().cancelled().await;
        Err::<Outcome, _>(HandlerError::retry("stopped in the middle"))
    });
    let running = place.enqueue(NewTask::new(&SLOW, json!({}))).await.expect("new");
    let waiting = place.enqueue(says("done")).await.expect("new");
    place.until("running", 1).await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    assert_eq!(actions::cancel(&mut conn, waiting).await.expect("cancels"), Cancelled::AtOnce);
    assert_eq!(actions::cancel(&mut conn, running).await.expect("cancels"), Cancelled::Asked);
    assert_eq!(actions::cancel(&mut conn, waiting).await.expect("cancels"), Cancelled::Gone);
    place.until("cancelled", 2).await;
    assert!(actions::retry(&mut conn, waiting, &QUICK).await.expect("moves back"));
    let task = place.task(waiting).await;
    assert_eq!((&task["state"], &task["max_attempts"]), (&json!("ready"), &json!(3)));
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}

#[tokio::test]
async fn a_dead_task_is_retried_under_its_id_with_new_attempts() {
    let place = place().await;
    let (driver, stop) = place.start(config("a", 1));
    let worker = work!(driver, &QUICK, |_: Value, task: TaskContext| async move {
        if task.attempt() <= 3 { Err(HandlerError::retry("not yet")) } else { Ok(Outcome::Done) }
    });
    let id = place.enqueue(says("")).await.expect("new");
    place.until("dead", 1).await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    assert!(actions::retry(&mut conn, id, &QUICK).await.expect("moves back"));
    place.until("done", 1).await;
    assert_eq!(place.task(id).await["attempts"], 4);
    let attempts: Vec<i32> = sqlx::query_scalar("select attempt from jobs.task_attempts order by attempt")
        .fetch_all(&place.admin)
        .await
        .expect("reads");
    assert_eq!(attempts, [1, 2, 3]);
    assert!(!actions::retry(&mut conn, id, &QUICK).await.expect("asks"), "what is done stays done");
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}
