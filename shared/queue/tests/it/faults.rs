//! Real processes, killed, stopped and cut off at each step of a task's life: nothing is lost, no stale answer counts,
//! and no task has more attempts than it may.
use std::time::Duration;

use mipo_queue::TaskId;
use rustix::process::Signal;
use sqlx::{Connection as _, PgConnection};

use crate::processes::{Worker, task};
use crate::support::{Place, place};

pub async fn faulty_place() -> Place {
    let place = place().await;
    let sql = "create table public.effects (task_id uuid not null, attempt integer not null, at timestamptz not null default clock_timestamp());
               grant select, insert on public.effects to mipo_dispatcher";
    sqlx::raw_sql(sql).execute(&place.admin).await.expect("makes the table of effects");
    place
}

pub async fn effects(place: &Place, id: TaskId) -> i64 {
    sqlx::query_scalar("select count(*) from public.effects where task_id = $1")
        .bind(id.as_uuid())
        .fetch_one(&place.admin)
        .await
        .expect("counts")
}

pub async fn until(place: &Place, what: &str, sql: &'static str) {
    for _ in 0..1200 {
        if sqlx::query_scalar::<_, bool>(sql).fetch_one(&place.admin).await.expect("asks") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

/// Everything has ended well, and nothing contradicts anything.
pub async fn all_done(place: &Place, count: i64) {
    until(place, "all tasks end", "select not exists (select from jobs.tasks)").await;
    assert_eq!(place.count("done").await, count);
    let beyond: i64 = sqlx::query_scalar("select count(*) from jobs.task_history where attempts > max_attempts")
        .fetch_one(&place.admin)
        .await
        .expect("counts");
    assert_eq!(beyond, 0);
}

/// A connection that holds what an exchange or a renewal needs, so that it stands still in the middle.
async fn blocking(place: &Place, sql: &'static str) -> PgConnection {
    let mut conn = PgConnection::connect(&place.db.superuser_url()).await.expect("connects");
    sqlx::raw_sql("begin").execute(&mut conn).await.expect("begins");
    sqlx::raw_sql(sql).execute(&mut conn).await.expect("locks");
    conn
}

const WAITS: &str =
    "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";

#[tokio::test]
async fn killed_before_its_claim_is_committed() {
    let place = faulty_place().await;
    let first = Worker::start(&place);
    until(&place, "it is there", "select exists (select from jobs.workers)").await;
    // x'6d69' is the class of the workers' locks.
    let mut lock = blocking(&place, "select pg_advisory_xact_lock(x'6d69'::integer, no) from jobs.workers").await;
    let id = place.enqueue(task("")).await.expect("new");
    until(&place, "its claim stands still", WAITS).await;
    first.kill();
    // The server does not know yet that nobody listens: the claim is committed for a process that is dead.
    sqlx::raw_sql("rollback").execute(&mut lock).await.expect("lets go");
    let _second = Worker::start(&place);
    all_done(&place, 1).await;
    assert_eq!(effects(&place, id).await, 1);
}

#[tokio::test]
async fn killed_while_it_runs() {
    let place = faulty_place().await;
    let first = Worker::start(&place);
    let id = place.enqueue(task("sleep-once")).await.expect("new");
    until(&place, "it runs", "select exists (select from public.effects)").await;
    first.kill();
    let _second = Worker::start(&place);
    all_done(&place, 1).await;
    assert_eq!(effects(&place, id).await, 2);
}

#[tokio::test]
async fn killed_between_its_effect_and_its_answer() {
    let place = faulty_place().await;
    let mut worker = Worker::start(&place);
    let id = place.enqueue(task("die-once")).await.expect("new");
    worker.again(&place).await;
    all_done(&place, 1).await;
    assert_eq!((effects(&place, id).await, &place.task(id).await["attempts"]), (2, &serde_json::json!(2)));
}

#[tokio::test]
async fn killed_while_it_renews() {
    let place = faulty_place().await;
    let first = Worker::start(&place);
    place.enqueue(task("sleep-once")).await.expect("new");
    until(&place, "it runs", "select exists (select from public.effects)").await;
    let mut lock = blocking(&place, "select from jobs.workers for update").await;
    until(&place, "its renewal stands still", WAITS).await;
    first.kill();
    sqlx::raw_sql("rollback").execute(&mut lock).await.expect("lets go");
    let _second = Worker::start(&place);
    all_done(&place, 1).await;
}

#[tokio::test]
async fn a_task_that_kills_every_process_ends_dead() {
    let place = faulty_place().await;
    let mut worker = Worker::start(&place);
    let id = place.enqueue(task("die")).await.expect("new");
    let good = place.enqueue(task("").delay(Duration::from_secs(1))).await.expect("new");
    for _ in 0..5 {
        worker.again(&place).await;
    }
    until(&place, "all tasks end", "select not exists (select from jobs.tasks)").await;
    assert_eq!((&place.task(id).await["state"], effects(&place, id).await), (&serde_json::json!("dead"), 5));
    assert_eq!(place.task(good).await["state"], "done", "the others go on");
}

#[tokio::test]
async fn stopped_for_twenty_seconds_with_default_leases_and_continued() {
    let place = faulty_place().await;
    let first = Worker::with_default_leases(&place);
    let id = place.enqueue(task("sleep-once")).await.expect("new");
    until(&place, "it runs", "select exists (select from public.effects)").await;
    first.signal(Signal::STOP);
    tokio::time::sleep(Duration::from_secs(20)).await;
    first.signal(Signal::CONT);
    // Within the lease: it keeps what it has, and no second process gets it.
    let _second = Worker::with_default_leases(&place);
    all_done(&place, 1).await;
    let finished: i64 = sqlx::query_scalar("select count(*) from jobs.task_history where id = $1")
        .bind(id.as_uuid())
        .fetch_one(&place.admin)
        .await
        .expect("counts");
    assert_eq!((finished, effects(&place, id).await), (1, 1));
}

#[tokio::test]
async fn stopped_beyond_its_lease_its_answer_is_refused() {
    let place = faulty_place().await;
    let first = Worker::start(&place);
    let id = place.enqueue(task("sleep-once")).await.expect("new");
    until(&place, "it runs", "select exists (select from public.effects)").await;
    first.signal(Signal::STOP);
    let _second = Worker::start(&place);
    until(&place, "another one finishes it", "select exists (select from jobs.task_history where status = 'done')")
        .await;
    first.signal(Signal::CONT);
    // It learns of its loss with its next renewal, and works on.
    until(
        &place,
        "the first one renews again",
        "select count(*) = 2 from jobs.workers where last_seen_at > now() - interval '1 second'",
    )
    .await;
    assert_eq!(place.task(id).await["attempts"], 2);
    all_done(&place, 1).await;
}

#[tokio::test]
async fn eight_processes_of_one_name_share_a_queue_while_backends_are_cut_and_processes_killed() {
    let place = faulty_place().await;
    let mut workers: Vec<Worker> = (0..8).map(|_| Worker::start(&place)).collect();
    for n in 0..400 {
        let what = match n % 40 {
            0 => "panic-once",
            _ => "nap",
        };
        place.enqueue(task(what)).await.expect("new");
    }
    for round in 0..4 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'mipo_dispatcher' and random() < 0.5")
            .execute(&place.admin)
            .await
            .expect("cuts");
        workers.swap_remove(round % workers.len()).kill();
        workers.push(Worker::start(&place));
    }
    all_done(&place, 400).await;
    let (tasks, lost): (i64, i64) = sqlx::query_as(
        "select (select count(distinct task_id) from public.effects), (select count(*) from jobs.tasks)",
    )
    .fetch_one(&place.admin)
    .await
    .expect("counts");
    assert_eq!((tasks, lost), (400, 0));
}
