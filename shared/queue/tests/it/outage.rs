use std::time::Duration;

use mipo_queue::{HandlerError, NewTask, Outcome};
use serde_json::{Value, json};

use crate::support::{QUICK, SLOW, config, place, until, work};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cuts_every_connection_loses_nothing() {
    let place = place().await;
    let (driver, stop) = place.start(config("a", 1).slots("conclude", 6));
    let worker = work!(driver, &QUICK, |_: Value| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok::<_, HandlerError>(Outcome::Done)
    });
    let enqueuer = place.db.pool_as("mipo_manager");
    for n in 0..100 {
        let mut conn = enqueuer.acquire().await.expect("a connection");
        mipo_queue::enqueue(&mut conn, NewTask::new(&QUICK, json!({ "n": n }))).await.expect("enqueues");
    }
    for _ in 0..8 {
        sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'mipo_dispatcher'")
            .execute(&place.admin)
            .await
            .expect("cuts");
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    place.until("done", 100).await;
    assert_eq!(place.count("running").await + place.count("ready").await + place.count("dead").await, 0);
    // And it hears again.
    until("it listens again", || driver.is_listening()).await;
    place.enqueue(NewTask::new(&QUICK, json!({}))).await;
    place.until("done", 101).await;
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("the worker lives to its end");
}

#[tokio::test]
async fn polling_alone_finds_everything() {
    let place = place().await;
    let (driver, stop) = place.start(config("a", 1).poll_only().poll_every(Duration::from_millis(200)));
    let worker = work!(driver, &QUICK, |_: Value| async move { Ok::<_, HandlerError>(Outcome::Done) });
    for n in 0..3 {
        place.enqueue(NewTask::new(&QUICK, json!({ "n": n })).delay(Duration::from_millis(100 * n))).await;
    }
    place.until("done", 3).await;
    assert!(!driver.is_listening());
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}

#[tokio::test]
async fn handlers_that_use_up_the_pool_do_not_lose_their_leases() {
    let place = place().await;
    let small = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .connect_with((*place.pool.connect_options()).clone())
        .await
        .expect("connects");
    let stop = tokio_util::sync::CancellationToken::new();
    let settings =
        config("a", 1).leases(Duration::from_secs(1), Duration::from_millis(200), Duration::from_millis(200));
    let driver = mipo_queue::Driver::start(&small, settings, stop.clone());
    let of_handler = small.clone();
    let worker = work!(driver, &SLOW, move |_: Value| {
        let pool = of_handler.clone();
        async move {
            let _all = pool.acquire().await?;
            tokio::time::sleep(Duration::from_millis(2500)).await;
            Ok::<_, HandlerError>(Outcome::Done)
        }
    });
    let id = place.enqueue(NewTask::new(&SLOW, json!({}))).await.expect("new");
    place.until("done", 1).await;
    assert_eq!(place.task(id).await["attempts"], 1);
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}

#[tokio::test]
async fn a_driver_starts_before_its_database() {
    let nowhere = sqlx::postgres::PgPoolOptions::new()
        .connect_lazy("postgres:///nowhere?host=/nonexistent&user=nobody")
        .expect("parses");
    let stop = tokio_util::sync::CancellationToken::new();
    let driver = mipo_queue::Driver::start(&nowhere, config("a", 1), stop.clone());
    let worker = work!(driver, &QUICK, |_: Value| async move { Ok::<_, HandlerError>(Outcome::Done) });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!worker.is_finished());
    stop.cancel();
    driver.ended().await;
    worker.await.expect("joins").expect("ends well");
}
