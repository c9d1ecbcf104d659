use mipo_queue::{kinds, upkeep};

use crate::support::{Place, place};

async fn finished(place: &Place, status: &str, days_ago: i32) {
    sqlx::query(
        "insert into jobs.task_history (id, queue, kind, payload, status, priority, attempts, max_attempts, run_at, locked_by, started_at, last_error, fingerprint, created_by, created_at, finished_at)
         select jobs.new_task_id(), 'conclude', 'quick', '{\"v\":1}', $1, 0, 1, 1, t, 1, t, 'e', 'f', 'test', t, t from (select now() - make_interval(days => $2)) x (t)",
    )
    .bind(status)
    .bind(days_ago)
    .execute(&place.admin)
    .await
    .expect("inserts");
}

async fn partitions(place: &Place) -> Vec<String> {
    sqlx::query_scalar(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'jobs.task_history'::regclass order by 1",
    )
    .fetch_all(&place.admin)
    .await
    .expect("reads")
}

#[tokio::test]
async fn the_queues_of_the_database_are_those_of_the_code() {
    let place = place().await;
    let stored: Vec<(String, i32, i32)> =
        sqlx::query_as("select name, concurrency, age_target_seconds from jobs.queues")
            .fetch_all(&place.admin)
            .await
            .expect("reads");
    assert_eq!(stored.len(), kinds::QUEUES.len());
    for (name, concurrency, age_target) in stored {
        let queue = kinds::queue(&name).unwrap_or_else(|| panic!("{name} is not in the code"));
        assert_eq!(
            (i32::from(queue.concurrency), i64::from(age_target)),
            (concurrency, queue.age_target.as_secs().cast_signed()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn days_are_made_ahead_and_take_what_came_before_them() {
    let place = place().await;
    let before = partitions(&place).await;
    assert!(before.len() >= 9, "{before:?}");
    // As after a long time off: no day for today.
    let today: String = sqlx::query_scalar("select 'task_history_' || to_char(now() at time zone 'UTC', 'YYYYMMDD')")
        .fetch_one(&place.admin)
        .await
        .expect("reads");
    sqlx::query(sqlx::AssertSqlSafe(format!("drop table jobs.{today}"))).execute(&place.admin).await.expect("drops");
    finished(&place, "done", 0).await;
    let of_default = "select count(*) from jobs.task_history_default";
    assert_eq!(sqlx::query_scalar::<_, i64>(of_default).fetch_one(&place.admin).await.expect("counts"), 1);
    let mut conn = place.pool.acquire().await.expect("a connection");
    assert_eq!(upkeep::make_days(&mut conn).await.expect("makes"), 1);
    assert_eq!(upkeep::make_days(&mut conn).await.expect("makes"), 0, "safe to repeat");
    assert_eq!(sqlx::query_scalar::<_, i64>(of_default).fetch_one(&place.admin).await.expect("counts"), 0);
    assert_eq!(place.count("done").await, 1);
    assert_eq!(partitions(&place).await, before);
}

#[tokio::test]
async fn old_tasks_go_and_dead_ones_stay_longer() {
    let place = place().await;
    // A day with a dead task among the done, a day without, one past everything; made as maintenance made them once.
    let owner = place.db.pool_as("mipo_owner");
    for days in [8, 10, 95] {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "do $$ declare d date := (now() at time zone 'UTC')::date - {days}; begin
               execute format('create table jobs.task_history_%s partition of jobs.task_history for values from (%L) to (%L)', to_char(d, 'YYYYMMDD'), d::timestamp at time zone 'UTC', (d + 1)::timestamp at time zone 'UTC'); end $$"
        )))
        .execute(&owner)
        .await
        .expect("makes a day");
    }
    for (status, days) in
        [("done", 1), ("done", 8), ("dead", 8), ("done", 10), ("dead", 95), ("dead", 20), ("done", 20), ("done", 200)]
    {
        finished(&place, status, days).await;
    }
    let mut conn = place.pool.acquire().await.expect("a connection");
    let mut rounds = 0;
    while upkeep::prune(&mut conn, 7, 90).await.expect("prunes") > 0 {
        rounds += 1;
        assert!(rounds < 20, "it never ends");
    }
    assert_eq!((place.count("done").await, place.count("dead").await), (1, 2));
    let days: Vec<i32> = sqlx::query_scalar(
        "select (now() at time zone 'UTC')::date - to_date(right(relname, 8), 'YYYYMMDD') from pg_class where relname ~ '^task_history_[0-9]{8}$' and relkind = 'r'",
    )
    .fetch_all(&place.admin)
    .await
    .expect("reads");
    assert!(days.contains(&8) && !days.contains(&10) && !days.contains(&95), "{days:?}");
}
