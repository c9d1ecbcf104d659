//! Bulk operations, from the use case to the last task.
use mipo_app::ops::bulk::{self, DryRun, Request};
use mipo_app::{AppError, Caller, Ctx};
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_testkit::TestDb;
use uuid::Uuid;

use crate::support::{Place, place_and_db};

async fn dead(place: &Place, count: i64) {
    sqlx::query(
        "insert into jobs.task_history (id, queue, kind, payload, status, priority, attempts, max_attempts, run_at, locked_by, started_at, last_error,
           fingerprint, created_by, created_at, finished_at)
         select jobs.new_task_id(), 'repair', 'repair_job', '{\"v\": 1, \"ids\": {}}', 'dead', 0, 3, 3, now(), 1, now(), 'no route', 'repair_job: no route',
           'test', now(), now() from generate_series(1, $1)",
    )
    .bind(count)
    .execute(&place.admin)
    .await
    .expect("inserts");
}

fn request<'a>(action: &'a str, filter: &'a str) -> Request<'a> {
    Request { action, filter, priority: None, reason: "the cable is back", expected: None }
}

/// As the manager, which starts operations; the dispatcher works on them.
async fn start(db: &TestDb, request: Request<'_>) -> Result<Uuid, AppError> {
    let caller = Caller::system("manager");
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
    let mut tx = db.db_as("mipo_manager").tx("test.start").await.expect("begins");
    let id = bulk::start(&mut tx, &ctx, &request).await?;
    tx.commit().await.expect("commits");
    Ok(id)
}

async fn undo(db: &TestDb, id: Uuid) -> Result<Uuid, AppError> {
    let caller = Caller::system("manager");
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
    let mut tx = db.db_as("mipo_manager").tx("test.undo").await.expect("begins");
    let id = bulk::undo(&mut tx, &ctx, id, "it was the wrong filter").await?;
    tx.commit().await.expect("commits");
    Ok(id)
}

async fn status(place: &Place, id: Uuid) -> String {
    sqlx::query_scalar("select format('%s %s/%s refused %s', status, done_count, total_count, refused_count) from jobs.bulk_operations where id = $1")
        .bind(id)
        .fetch_one(&place.admin)
        .await
        .expect("is there")
}

const DEAD: &str = "select count(*) from jobs.task_history where kind = 'repair_job' and status = 'dead'";
const DISCARDED: &str = "select count(*) from jobs.task_history where kind = 'repair_job' and status = 'discarded'";

#[tokio::test]
async fn a_discard_of_many_is_counted_done_and_undone() {
    let (place, db) = place_and_db().await;
    dead(&place, 1203).await;
    let caller = Caller::system("manager");
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
    let mut read = db.db_as("mipo_manager").read("test").await.expect("begins");
    let DryRun { count, sample, filter } =
        bulk::dry_run(&mut read, &ctx, &request("discard", "error:route  kind:repair_job")).await.expect("counts");
    assert_eq!((count, sample.len(), filter.as_str()), (1203, 10, "error:route kind:repair_job"));
    drop(read);
    assert_eq!(place.count(DEAD).await, 1203, "a dry run changes nothing");

    let wrong = Request { expected: Some(9), ..request("discard", "error:route") };
    assert!(matches!(start(&db, wrong).await, Err(AppError::Conflict { code: "COUNT_CHANGED", .. })));
    let id = start(&db, Request { expected: Some(1203), ..request("discard", "error:route") }).await.expect("starts");
    assert_eq!(status(&place, id).await, "pending 0/1203 refused 0");
    assert!(matches!(undo(&db, id).await, Err(AppError::Conflict { code: "STILL_RUNNING", .. })));
    assert_eq!(place.run_tasks().await, []);
    assert_eq!(status(&place, id).await, "completed 1203/1203 refused 0");
    assert_eq!((place.count(DEAD).await, place.count(DISCARDED).await), (0, 1203));

    // One of them is brought back by hand meanwhile: the undo finds nothing to do there, and says so.
    place.execute("select jobs.undo_discard(id) from jobs.task_history where status = 'discarded' limit 1").await;
    let back = undo(&db, id).await.expect("starts");
    assert_eq!(place.run_tasks().await, []);
    assert_eq!(status(&place, back).await, "completed 1202/1203 refused 1");
    assert_eq!((place.count(DEAD).await, place.count(DISCARDED).await), (1203, 0));
    place.end().await;
}

#[tokio::test]
async fn a_stopped_operation_does_no_more() {
    let (place, db) = place_and_db().await;
    dead(&place, 3).await;
    let id = start(&db, request("discard", "status:dead")).await.expect("starts");
    let caller = Caller::system("manager");
    let ctx = Ctx { caller: &caller, clock: &SystemClock, entropy: &OsEntropy };
    // As if a batch had begun.
    place.execute("update jobs.bulk_operations set status = 'running', started_at = now()").await;
    let mut tx = db.db_as("mipo_manager").tx("test").await.expect("begins");
    bulk::stop(&mut tx, &ctx, id, "").await.expect("stops");
    tx.commit().await.expect("commits");
    assert_eq!(place.run_tasks().await, []);
    assert_eq!(status(&place, id).await, "stopped 0/3 refused 0");
    assert_eq!(place.count(DEAD).await, 3);
    place.end().await;
}

#[tokio::test]
async fn pending_tasks_are_reprioritised_run_and_cancelled() {
    let (place, db) = place_and_db().await;
    place
        .execute(
            "insert into jobs.tasks (queue, kind, payload, max_attempts, run_at, rank, created_by)
             select 'repair', 'repair_job', '{\"v\": 1, \"ids\": {}}', 3, now() + interval '1 hour', now() + interval '1 hour', 'test'
             from generate_series(1, 5);
             update jobs.queues set paused = true where name = 'repair'",
        )
        .await;
    let priority = Request { priority: Some(7), ..request("reprioritise", "queue:repair") };
    start(&db, priority).await.expect("starts");
    start(&db, request("run_now", "queue:repair")).await.expect("starts");
    assert_eq!(place.run_tasks().await, []);
    assert_eq!(place.count("select count(*) from jobs.tasks where priority = 7 and run_at <= now()").await, 5);
    // "Everything" never holds the operation itself.
    let id = start(&db, request("cancel", "")).await.expect("starts");
    assert_eq!(place.run_tasks().await, []);
    assert_eq!(status(&place, id).await, "completed 5/5 refused 0");
    assert_eq!(place.count("select count(*) from jobs.task_history where status = 'cancelled'").await, 5);
    let nothing = start(&db, request("cancel", "queue:repair")).await;
    assert!(matches!(nothing, Err(AppError::Invalid(errors)) if errors[0].field == "filter"));
    place.end().await;
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_named() {
    let (place, db) = place_and_db().await;
    for (request, field) in [
        (request("explode", ""), "action"),
        (request("undo_discard", ""), "action"),
        (request("reprioritise", ""), "priority"),
        (Request { priority: Some(10), ..request("reprioritise", "") }, "priority"),
        (request("retry", "colour:red"), "filter[0]"),
        (Request { reason: " ", ..request("cancel", "") }, "reason"),
    ] {
        let refused = start(&db, request.clone()).await;
        assert!(
            matches!(&refused, Err(AppError::Invalid(errors)) if errors[0].field == field),
            "{request:?}: {refused:?}"
        );
    }
    place.end().await;
}
