//! What people do to tasks, workers and entries, and what they are shown.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mipo_domain::sealing::Sealer;
use mipo_queue::actions;
use mipo_queue::{Backoff, HandlerError, Kind, LogCapture, NewTask, Outcome, TaskContext};
use mipo_testkit::{MockClock, SeededEntropy};
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{Place, QUICK, SLOW, config, place, until, work};

static SECRETIVE: Kind = Kind {
    name: "secretive",
    queue: "planning",
    version: 1,
    attempts: 2,
    backoff: Backoff::Doubling { first: Duration::from_millis(50), max: Duration::from_secs(1) },
    deadline: Duration::from_secs(30),
    sealed: true,
};

fn slow() -> NewTask {
    NewTask::new(&SLOW, json!({}))
}

async fn texts(place: &Place, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(&place.admin).await.expect("reads")
}

#[tokio::test]
async fn a_discard_can_be_undone_for_a_day() {
    let place = place().await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    let pending = place.enqueue(slow().unique_key("k").delay(Duration::from_secs(3600))).await.expect("new");
    assert_eq!(actions::discard(&mut conn, pending).await.expect("discards").as_deref(), Some("pending"));
    assert_eq!(place.task(pending).await["state"], "discarded");
    assert_eq!(actions::discard(&mut conn, pending).await.expect("asks"), None, "once");
    // Its key is free meanwhile; it comes back beside the task that took it.
    let other = place.enqueue(slow().unique_key("k")).await.expect("the key is free");
    assert_eq!(actions::undo_discard(&mut conn, pending).await.expect("undoes").as_deref(), Some("pending"));
    let back = place.task(pending).await;
    assert_eq!((&back["state"], &back["unique_key"]), (&json!("scheduled"), &json!(null)), "{back}");
    assert_eq!(place.task(other).await["unique_key"], "k");

    actions::discard(&mut conn, pending).await.expect("discards");
    sqlx::query("update jobs.task_history set discarded_at = discarded_at - interval '25 hours'")
        .execute(&place.admin)
        .await
        .expect("waits");
    assert_eq!(actions::undo_discard(&mut conn, pending).await.expect("asks"), None, "too late");
}

#[tokio::test]
async fn a_scheduled_task_runs_now_when_somebody_says_so() {
    let place = place().await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    let id = place.enqueue(slow().delay(Duration::from_secs(3600))).await.expect("new");
    assert!(actions::set_priority(&mut conn, id, 7).await.expect("moves"));
    assert_eq!(place.task(id).await["priority"], 7);
    assert!(actions::run_now(&mut conn, id).await.expect("moves"));
    assert_eq!(place.task(id).await["state"], "ready");
    assert!(!actions::run_now(&mut conn, id).await.expect("asks"), "it is due");
}

#[tokio::test]
async fn a_cancellation_reaches_the_handler_at_once() {
    let place = place().await;
    // The renewal timer alone would take a minute.
    let (driver, stop) =
        place.start(config("a", 1).leases(Duration::from_secs(150), Duration::from_secs(60), Duration::from_secs(60)));
    let worker = work!(driver, &SLOW, |_: Value, task: TaskContext| async move {
        task.cancelled().cancelled().await;
        Err::<Outcome, _>(HandlerError::retry("interrupted"))
    });
    until("it listens", || driver.is_listening()).await;
    let id = place.enqueue(slow()).await.expect("new");
    place.until("running", 1).await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    assert_eq!(actions::cancel(&mut conn, id).await.expect("asks"), actions::Cancelled::Asked);
    place.until("cancelled", 1).await;
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}

/// Processor time of this thread, on which the whole driver of a test runs, in hundredths of a second (proc(5)).
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("is there");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum()
}

#[tokio::test]
async fn a_drained_worker_finishes_and_takes_nothing_new() {
    let place = place().await;
    let (driver, stop) = place.start(config("a", 1));
    let go = Arc::new(AtomicBool::new(false));
    let ours = Arc::clone(&go);
    let worker = work!(driver, &SLOW, move |_: Value| {
        let go = Arc::clone(&ours);
        async move {
            until("go", || go.load(Ordering::SeqCst)).await;
            Ok::<_, HandlerError>(Outcome::Done)
        }
    });
    place.enqueue(slow()).await.expect("new");
    place.until("running", 1).await;
    let no: i32 = sqlx::query_scalar("select no from jobs.workers").fetch_one(&place.admin).await.expect("one");
    let manager = place.db.pool_as("mipo_manager");
    let mut conn = manager.acquire().await.expect("a connection");
    assert!(actions::drain_worker(&mut conn, no, true).await.expect("asks"));
    until("it hears of it", || driver.is_draining()).await;
    place.enqueue(slow()).await.expect("new");
    go.store(true, Ordering::SeqCst);
    place.until("done", 1).await;
    // Several polls long.
    let before = ticks();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(place.count("ready").await, 1, "nobody takes it");
    let spent = ticks() - before;
    assert!(spent < 100, "it waits instead of asking itself again and again: {spent} of 300 ticks");
    assert!(actions::drain_worker(&mut conn, no, false).await.expect("asks"));
    place.until("done", 2).await;
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}

#[tokio::test]
async fn what_an_attempt_logged_is_kept_with_it() {
    let place = place().await;
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(LogCapture));
    let (driver, stop) = place.start(config("a", 1));
    let worker = work!(driver, &QUICK, |_: Value, task: TaskContext| async move {
        tracing::info!(scan = 7, "looking at part {}", task.attempt());
        tracing::debug!("not kept");
        if task.attempt() == 1 { Err(HandlerError::retry("no disk")) } else { Ok(Outcome::Done) }
    });
    place.enqueue(NewTask::new(&QUICK, json!({}))).await.expect("new");
    place.until("done", 1).await;
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
    let logs = texts(&place, "select log from jobs.task_attempts union all select log from jobs.task_history").await;
    assert_eq!(logs.len(), 2);
    for (n, log) in logs.iter().enumerate() {
        assert!(log.ends_with(&format!("INFO looking at part {} scan=7\n", n + 1)), "{log}");
    }
}

#[tokio::test]
async fn secrets_are_sealed_at_rest_and_struck_out_of_what_is_said() {
    const SECRET: &str = "hunter2-\"quoted\"-canary";
    let place = place().await;
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(LogCapture));
    let (clock, entropy) = (MockClock::default(), SeededEntropy::new(5));
    let sealer = Sealer::from_list(&Sealer::generate_list(&entropy)).expect("a list");

    let mut conn = place.pool.acquire().await.expect("a connection");
    let plain = NewTask::new(&SECRETIVE, json!({ "password": SECRET }));
    let refused = mipo_queue::enqueue(&mut conn, plain.clone()).await.expect_err("never in clear");
    assert!(refused.to_string().contains("seal it first"), "{refused}");
    let sealed = plain.seal(&sealer, &clock, &entropy).expect("seals");
    let id = place.enqueue(sealed).await.expect("new");

    let (driver, stop) = place.start(config("a", 1).sealer(sealer));
    let worker = work!(driver, &SECRETIVE, |ids: Value| async move {
        let password = ids["password"].as_str().expect("opened").to_owned();
        tracing::info!(%password, "trying");
        Err::<Outcome, _>(HandlerError::retry(format!("login with {password:?} failed")))
    });
    place.until("dead", 1).await;
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");

    let everything = texts(
        &place,
        "select t::text from jobs.all_tasks t union all select a::text from jobs.task_attempts a union all select h::text from jobs.task_history h",
    )
    .await
    .join("\n");
    assert!(!everything.contains("canary"), "{everything}");
    let task = place.task(id).await;
    assert_eq!(task["last_error"], "login with \"[redacted]\" failed");
    assert!(task["log"].as_str().is_some_and(|log| log.contains("[redacted]")), "{task}");
}

#[tokio::test]
async fn a_sample_tells_what_stands_and_what_ended() {
    let place = place().await;
    let (driver, stop) = place.start(config("a", 1));
    let worker = work!(driver, &QUICK, |_: Value| async { Ok::<_, HandlerError>(Outcome::Done) });
    for _ in 0..3 {
        place.enqueue(NewTask::new(&QUICK, json!({}))).await;
    }
    place.enqueue(slow().delay(Duration::from_secs(3600))).await;
    place.until("done", 3).await;
    sqlx::query("select jobs.sample(date_trunc('minute', now()) + interval '1 minute')")
        .execute(&place.admin)
        .await
        .expect("samples");
    let rows = texts(
        &place,
        "select format('%s %s %s done %s wait %s run %s', queue, kind, scheduled_count, done_count,
           (select sum(x) from unnest(wait_histogram) x), (select sum(x) from unnest(run_histogram) x))
         from jobs.queue_samples order by kind",
    )
    .await;
    assert_eq!(rows, ["conclude quick 0 done 3 wait 3 run 3", "planning slow 1 done 0 wait  run "]);
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}
