use mipo_queue::{NewTask, kinds};

use crate::support::place;

#[tokio::test]
async fn what_has_expired_goes_and_the_rest_stays() {
    let place = place().await;
    place
        .execute(
            "insert into config.setup_tokens (id, purpose, token_hash, expires_at) values
               (gen_random_uuid(), 'setup', sha256('a'), now() - interval '31 days'),
               (gen_random_uuid(), 'setup', sha256('b'), now() - interval '29 days');
             insert into config.live_events (topic, entity_id, at) values ('scans', '1', now() - interval '25 hours'), ('scans', '2', now());
             insert into config.idempotency_keys (actor, key, method, path, body_hash, expires_at) values
               ('a', 'old', 'POST', '/', sha256('c') || '\\x00', now() - interval '1 s'), ('a', 'new', 'POST', '/', sha256('c') || '\\x00', now() + interval '1 hour')",
        )
        .await;
    place.enqueue(NewTask::new(&kinds::EXPIRE_CREDENTIALS, ())).await;
    assert_eq!(place.run_tasks().await, []);
    assert_eq!(place.count("select count(*) from config.setup_tokens").await, 1);
    assert_eq!(place.count("select count(*) from config.live_events").await, 1);
    assert_eq!(place.count("select count(*) from config.idempotency_keys where key = 'new'").await, 1);
    assert_eq!(place.count("select count(*) from config.idempotency_keys").await, 1);
    place.end().await;
}

#[tokio::test]
async fn partitions_are_kept_on_both_ends() {
    let place = place().await;
    place.execute("select results.ensure_partitions(now() - interval '120 days', now() - interval '119 days')").await;
    let old = "select count(*) from pg_class where relname = 'open_observations_' || to_char((now() - interval '120 days') at time zone 'UTC', 'YYYYMMDD')";
    let ahead = "select count(*) from pg_class where relname = 'open_observations_' || to_char((now() + interval '14 days') at time zone 'UTC', 'YYYYMMDD')";
    assert_eq!(place.count(old).await, 1);
    place.enqueue(NewTask::new(&kinds::PRUNE_OBSERVATIONS, ())).await;
    place.enqueue(NewTask::new(&kinds::PRUNE_TASKS, ())).await;
    assert_eq!(place.run_tasks().await, []);
    assert_eq!((place.count(old).await, place.count(ahead).await), (0, 1));
    place.end().await;
}

#[tokio::test]
async fn a_partition_in_use_is_dropped_later_and_keeps_nobody_waiting() {
    let place = place().await;
    place.execute("select results.ensure_partitions(now() - interval '120 days', now() - interval '120 days')").await;
    let old = "select count(*) from pg_class where relname = 'open_observations_' || to_char((now() - interval '120 days') at time zone 'UTC', 'YYYYMMDD')";
    let mut reader = place.admin.begin().await.expect("begins");
    sqlx::query("select from results.open_observations").fetch_all(&mut *reader).await.expect("reads");
    place.enqueue(NewTask::new(&kinds::PRUNE_OBSERVATIONS, ())).await;
    assert_eq!(place.run_tasks().await, []);
    assert_eq!(place.count(old).await, 1, "somebody reads the series");
    assert_eq!(
        place.count("select count(*) from jobs.tasks where kind = 'prune_observations'").await,
        1,
        "it comes again"
    );
    reader.commit().await.expect("commits");
    place.execute("update jobs.tasks set run_at = now(), rank = now()").await;
    assert_eq!(place.run_tasks().await, []);
    assert_eq!(place.count(old).await, 0);
    place.end().await;
}
