//! During an upgrade the last version (N-1) works beside this one (N), on tables that this one has migrated.
use mipo_queue::{Kind, NewTask, TaskId};
use serde_json::json;

use crate::faults::{all_done, effects, faulty_place, until};
use crate::processes::{ADDED, FAULTY, FAULTY_NEXT, NEXT, Worker};
use crate::support::Place;

const LATER_COLUMNS: &str = "alter table jobs.tasks add column of_later text not null default 'later';
  alter table jobs.task_history add column of_later integer;
  alter table jobs.workers add column of_later text;
  alter table jobs.queues add column of_later text";

/// A task of a newer version was claimed, and put back.
const NEWER_WAITS: &str =
    "select exists (select from jobs.tasks where payload ->> 'v' = '2' and kind = 'faulty' and snoozed)";

async fn enqueue(place: &Place, kind: &'static Kind, what: &str) -> TaskId {
    place.enqueue(NewTask::new(kind, json!({ "do": what }))).await.expect("new")
}

/// How the task ended: its state, its attempts, and the version that ended it.
async fn end(place: &Place, id: TaskId) -> (String, i32, String) {
    let sql = "select h.status, h.attempts, w.version from jobs.task_history h join jobs.workers w on w.no = h.locked_by where h.id = $1";
    sqlx::query_as(sql).bind(id.as_uuid()).fetch_one(&place.admin).await.expect("it has ended")
}

fn done(attempts: i32, version: &str) -> (String, i32, String) {
    ("done".to_owned(), attempts, version.to_owned())
}

#[tokio::test]
async fn each_version_runs_what_it_knows_and_nothing_is_lost() {
    let place = faulty_place().await;
    let _old = Worker::with_default_leases(&place);
    let before = enqueue(&place, &FAULTY, "").await;
    until(&place, "the old one works", "select exists (select from jobs.task_history)").await;
    // Its statements are prepared by now, for the tables as they were.
    sqlx::raw_sql(LATER_COLUMNS).execute(&place.admin).await.expect("migrates");

    let newer = enqueue(&place, &FAULTY_NEXT, "").await;
    let unknown = enqueue(&place, &ADDED, "").await;
    let after = enqueue(&place, &FAULTY, "panic-once").await;
    until(&place, "the old one puts the newer task back", NEWER_WAITS).await;
    until(&place, "the old one goes on", "select count(*) = 2 from jobs.task_history").await;
    assert_eq!(place.task(unknown).await["attempts"], 0);
    assert_eq!((effects(&place, newer).await, effects(&place, unknown).await), (0, 0));
    let soon = "select count(*) = 1 from jobs.tasks where snoozed and run_at > created_at + interval '9 seconds'";
    until(&place, "it does not look again at once", soon).await;
    // The same due time wakes both versions: the old one stands back, or it could win each time.
    let left = "select exists (select from jobs.tasks where snoozed and status = 'pending' and run_at < now() - interval '1 second')";
    until(&place, "it leaves it to others when it is due again", left).await;

    let _new = Worker::next(&place);
    all_done(&place, 4).await;
    assert_eq!(end(&place, before).await, done(1, "0.0.0"));
    assert_eq!(end(&place, after).await.1, 2, "a panic is an attempt in both versions");
    assert_eq!(end(&place, newer).await, done(1, NEXT), "it has used no attempt in the old one");
    assert_eq!(end(&place, unknown).await, done(1, NEXT));
    for id in [newer, unknown] {
        assert_eq!(effects(&place, id).await, 1);
    }
}

#[tokio::test]
async fn the_new_version_rescues_tasks_of_the_old_one() {
    let place = faulty_place().await;
    sqlx::raw_sql(LATER_COLUMNS).execute(&place.admin).await.expect("migrates");
    let old = Worker::with_default_leases(&place);
    let id = enqueue(&place, &FAULTY, "sleep-once").await;
    until(&place, "the old one runs it", "select exists (select from public.effects)").await;
    old.kill();
    let _new = Worker::next(&place);
    all_done(&place, 1).await;
    assert_eq!(end(&place, id).await, done(2, NEXT));
}

#[tokio::test]
async fn the_old_version_rescues_tasks_of_the_new_one() {
    let place = faulty_place().await;
    sqlx::raw_sql(LATER_COLUMNS).execute(&place.admin).await.expect("migrates");
    let new = Worker::next(&place);
    // What the old one can run, what is of a newer version, and what it has never heard of.
    let known = enqueue(&place, &FAULTY, "sleep-once").await;
    let newer = enqueue(&place, &FAULTY_NEXT, "sleep-once").await;
    let unknown = enqueue(&place, &ADDED, "sleep-once").await;
    until(&place, "the new one runs them", "select count(*) = 3 from public.effects").await;
    new.kill();
    let _old = Worker::with_default_leases(&place);
    let rescued = "select count(*) = 3 from jobs.task_attempts where outcome = 'rescued'";
    until(&place, "the old one rescues all three", rescued).await;
    until(&place, "it ends what it can", "select count(*) = 1 from jobs.task_history").await;
    assert_eq!(end(&place, known).await, done(2, "0.0.0"));

    let _new = Worker::next(&place);
    all_done(&place, 3).await;
    assert_eq!((end(&place, newer).await, end(&place, unknown).await), (done(2, NEXT), done(2, NEXT)));
}
