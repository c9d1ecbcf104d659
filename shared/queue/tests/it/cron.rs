use mipo_queue::cron::{self, Entry};
use mipo_queue::kinds;

use crate::support::{Place, place};

static ENTRIES: &[Entry] = &[
    Entry::new("each-minute", "* * * * *", &kinds::PRUNE_TASKS),
    Entry::new("each-year", "0 0 1 1 *", &kinds::PRUNE_EVENTS),
];

async fn tick_on(place: &Place, replicas: usize) {
    let ticks = (0..replicas).map(|_| async {
        let mut conn = place.pool.acquire().await.expect("a connection");
        cron::tick(&mut conn).await.expect("ticks")
    });
    futures::future::join_all(ticks).await;
}

async fn tasks(place: &Place) -> i64 {
    sqlx::query_scalar("select count(*) from jobs.tasks where created_by = 'cron'")
        .fetch_one(&place.admin)
        .await
        .expect("counts")
}

async fn keep(place: &Place, entries: &[Entry]) {
    let mut conn = place.pool.acquire().await.expect("a connection");
    cron::keep(&mut conn, entries).await.expect("keeps");
}

async fn as_if_down_for(place: &Place, minutes: i32) {
    sqlx::query("update jobs.cron set last_tick = date_trunc('minute', now()) - make_interval(mins => $1)")
        .bind(minutes)
        .execute(&place.admin)
        .await
        .expect("writes");
}

#[tokio::test]
async fn three_replicas_fire_a_tick_once_and_make_up_for_one() {
    let place = place().await;
    keep(&place, ENTRIES).await;
    assert_eq!(tasks(&place).await, 0, "a new entry has missed nothing");
    // Sixty ticks were missed; one is made up for.
    as_if_down_for(&place, 60).await;
    tick_on(&place, 3).await;
    tick_on(&place, 3).await;
    assert_eq!(tasks(&place).await, 1);
    let on_the_minute: bool = sqlx::query_scalar("select last_tick = date_trunc('minute', now()) or last_tick = date_trunc('minute', now()) - interval '1 minute' from jobs.cron where name = 'each-minute'").fetch_one(&place.admin).await.expect("reads");
    assert!(on_the_minute, "the newest tick is the one that was fired");
    // The next one, while the last task still waits: nothing piles up.
    as_if_down_for(&place, 1).await;
    tick_on(&place, 3).await;
    assert_eq!(tasks(&place).await, 1);
}

#[tokio::test]
async fn paused_entries_stay_paused_and_old_ones_go() {
    let place = place().await;
    keep(&place, ENTRIES).await;
    sqlx::query("update jobs.cron set paused = true").execute(&place.admin).await.expect("pauses");
    as_if_down_for(&place, 5).await;
    keep(&place, &ENTRIES[..1]).await;
    tick_on(&place, 1).await;
    assert_eq!(tasks(&place).await, 0);
    let names: Vec<String> = sqlx::query_scalar("select name from jobs.cron where retired_at is null")
        .fetch_all(&place.admin)
        .await
        .expect("reads");
    assert_eq!(names, ["each-minute"]);
}

#[tokio::test]
async fn an_entry_may_skip_what_it_missed() {
    let place = place().await;
    keep(&place, ENTRIES).await;
    sqlx::query("update jobs.cron set schedule = '0 0 * * *', catch_up = false, last_tick = date_trunc('day', now()) - interval '3 days' where name = 'each-minute'").execute(&place.admin).await.expect("writes");
    tick_on(&place, 1).await;
    assert_eq!(tasks(&place).await, 0);
}
