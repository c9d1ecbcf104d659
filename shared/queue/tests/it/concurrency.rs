use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

use mipo_queue::{Driver, HandlerError, NewTask, Outcome};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{Place, QUICK, config, place, work};

/// Counts how many run at a time.
#[derive(Clone, Default)]
struct Gauge {
    now: Arc<AtomicI32>,
    most: Arc<AtomicI32>,
    runs: Arc<AtomicU32>,
}

impl Gauge {
    async fn pass(&self) -> Result<Outcome, HandlerError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.runs.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(15)).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        Ok(Outcome::Done)
    }
}

fn processes(place: &Place, count: u64, slots: usize, gauge: &Gauge) -> Vec<(Driver, CancellationToken)> {
    (1..=count)
        .map(|seed| {
            let (driver, stop) = place.start(config("p", seed).slots("conclude", slots));
            let gauge = gauge.clone();
            work!(driver, &QUICK, move |_: Value| {
                let gauge = gauge.clone();
                async move { gauge.pass().await }
            });
            (driver, stop)
        })
        .collect()
}

async fn stop_all(processes: Vec<(Driver, CancellationToken)>) {
    for (driver, stop) in processes {
        stop.cancel();
        driver.ended().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_one_task_over_all_processes() {
    let (place, gauge) = (place().await, Gauge::default());
    let processes = processes(&place, 3, 8, &gauge);
    for n in 0..40 {
        place.enqueue(NewTask::new(&QUICK, json!({ "n": n })).concurrency_key("scanner")).await;
    }
    place.until("done", 40).await;
    assert_eq!((gauge.most.load(Ordering::SeqCst), gauge.runs.load(Ordering::SeqCst)), (1, 40));
    stop_all(processes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_may_allow_more_than_one_and_others_pass_by() {
    let (place, gauge) = (place().await, Gauge::default());
    for n in 0..30 {
        place.enqueue(NewTask::new(&QUICK, json!({ "n": n })).concurrency_key("two").concurrency_limit(2)).await;
    }
    let processes = processes(&place, 2, 8, &gauge);
    place.until("done", 30).await;
    assert_eq!(gauge.most.load(Ordering::SeqCst), 2);
    stop_all(processes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_has_a_bound_over_all_processes_too() {
    let (place, gauge) = (place().await, Gauge::default());
    sqlx::query("update jobs.queues set max_running = 3 where name = 'conclude'")
        .execute(&place.admin)
        .await
        .expect("writes");
    for n in 0..30 {
        place.enqueue(NewTask::new(&QUICK, json!({ "n": n }))).await;
    }
    let processes = processes(&place, 3, 8, &gauge);
    place.until("done", 30).await;
    assert!(gauge.most.load(Ordering::SeqCst) <= 3);
    stop_all(processes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_claims_no_more_than_its_free_slots() {
    let (place, gauge) = (place().await, Gauge::default());
    for n in 0..60 {
        place.enqueue(NewTask::new(&QUICK, json!({ "n": n }))).await;
    }
    let processes = processes(&place, 2, 3, &gauge);
    let mut held_at_most = 0;
    while place.count("done").await < 60 {
        let held: i64 = sqlx::query_scalar("select coalesce(max(c), 0) from (select count(*) c from jobs.tasks where status = 'running' group by locked_by) x")
            .fetch_one(&place.admin)
            .await
            .expect("counts");
        held_at_most = held_at_most.max(held);
    }
    assert!(held_at_most <= 3, "{held_at_most}");
    assert_eq!(gauge.runs.load(Ordering::SeqCst), 60, "each ran once");
    let shares: i64 = sqlx::query_scalar("select count(distinct locked_by) from jobs.task_history")
        .fetch_one(&place.admin)
        .await
        .expect("counts");
    assert_eq!(shares, 2, "both worked");
    stop_all(processes).await;
}

#[tokio::test]
async fn a_paused_queue_waits_and_goes_on_when_it_is_resumed() {
    let (place, gauge) = (place().await, Gauge::default());
    let pause = |paused: bool| {
        sqlx::query("update jobs.queues set paused = $1 where name = 'conclude'").bind(paused).execute(&place.admin)
    };
    pause(true).await.expect("pauses");
    let processes = processes(&place, 1, 3, &gauge);
    place.enqueue(NewTask::new(&QUICK, json!({}))).await;
    assert_eq!(processes[0].0.run_until_idle().await.expect("idle"), []);
    assert_eq!(place.count("ready").await, 1);
    pause(false).await.expect("resumes");
    place.until("done", 1).await;
    stop_all(processes).await;
}
