use std::time::Duration;

use mipo_dispatcher::Config;
use mipo_runtime::Shutdown;
use mipo_testkit::TestDb;
use sqlx::PgPool;
use tokio::task::JoinHandle;

/// Starts a whole dispatcher as its role.
fn dispatcher(db: &TestDb, node: &str) -> (Shutdown, JoinHandle<()>) {
    let shutdown = Shutdown::manual();
    let config = Config { node: node.to_owned(), ..Config::default() };
    (shutdown.clone(), tokio::spawn(mipo_dispatcher::run(db.db_as("mipo_dispatcher"), config, shutdown)))
}

/// The names of the processes that work on queues.
async fn working(admin: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select name from jobs.workers where stopped_at is null order by name")
        .fetch_all(admin)
        .await
        .expect("reads")
}

async fn until_working(admin: &PgPool, wanted: &[&str]) {
    for _ in 0..300 {
        if working(admin).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never {wanted:?}, but {:?}", working(admin).await);
}

#[tokio::test]
async fn a_second_dispatcher_waits_until_the_first_is_gone() {
    let db = mipo_testkit::database().await;
    let admin = db.superuser_pool();
    let (stop_first, first) = dispatcher(&db, "first");
    until_working(&admin, &["first"]).await;
    let (stop_second, second) = dispatcher(&db, "second");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(working(&admin).await, ["first"]);
    stop_first.stop();
    first.await.expect("ends");
    until_working(&admin, &["second"]).await;
    stop_second.stop();
    second.await.expect("ends");
    assert!(working(&admin).await.is_empty());
}

#[tokio::test]
async fn a_cut_connection_ends_leadership_but_not_the_work() {
    let db = mipo_testkit::database().await;
    let admin = db.superuser_pool();
    let (stop, running) = dispatcher(&db, "only");
    until_working(&admin, &["only"]).await;
    let leader = "select pid from pg_locks where locktype = 'advisory' and classid::bigint = 109 and granted and database = (select oid from pg_database where datname = current_database()) limit 1";
    let before: i32 = sqlx::query_scalar(leader).fetch_one(&admin).await.expect("somebody leads");
    while sqlx::query_scalar::<_, i64>("select count(*) from jobs.cron").fetch_one(&admin).await.expect("counts") == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Missed, as far as the clock can know that starts with the next leadership.
    sqlx::query("update jobs.cron set last_tick = last_tick - interval '1 day'").execute(&admin).await.expect("writes");
    sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'mipo_dispatcher'")
        .execute(&admin)
        .await
        .expect("cuts");
    for _ in 0..300 {
        let now: Option<i32> = sqlx::query_scalar(leader).fetch_optional(&admin).await.expect("reads");
        if now.is_some_and(|pid| pid != before) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // It leads again, by another connection, and its clock goes on at once.
    for _ in 0..800 {
        let missing: i64 = sqlx::query_scalar(
            "select count(*) from jobs.cron c where not exists (
               select from jobs.task_history h where h.kind = c.kind and h.created_by = 'cron' and h.status = 'done')",
        )
        .fetch_one(&admin)
        .await
        .expect("counts");
        if missing == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let kinds: Vec<String> = sqlx::query_scalar(
        "select distinct kind from jobs.task_history where created_by = 'cron' and status = 'done' order by kind",
    )
    .fetch_all(&admin)
    .await
    .expect("reads");
    for kind in ["expire_credentials", "prune_observations", "prune_tasks"] {
        assert!(kinds.iter().any(|done| done == kind), "{kind} is not among {kinds:?}");
    }
    let starts: i64 = sqlx::query_scalar("select count(*) from jobs.workers").fetch_one(&admin).await.expect("counts");
    assert_eq!(starts, 1, "the workers were never restarted");
    stop.stop();
    running.await.expect("ends");
}
