//! What the queue pages show, on a real database.
use std::time::Duration;

use mipo_queue::filter::{Filter, Shown, Test};
use mipo_queue::views::queue::Range;
use mipo_queue::views::task::SpanKind;
use mipo_queue::views::tasks::{Ask, Order};
use mipo_queue::views::waiting::Why;
use mipo_queue::views::workers::WorkerState;
use mipo_queue::views::{cron, database, failures, overview, queue, states, task, tasks, waiting, workers};
use mipo_queue::{NewTask, TaskId, actions};
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::support::{Place, QUICK, SLOW, place};

const HOUR: Duration = Duration::from_secs(3600);

async fn run(place: &Place, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&place.admin).await.expect(sql);
}

fn slow() -> NewTask {
    NewTask::new(&SLOW, json!({ "scanId": 12, "note": "seen" }))
}

async fn worker(place: &Place) -> i32 {
    place.register("dispatcher-00000000000000000000000001").await
}

/// Claims one task of the queue of `slow`; answers its id.
async fn claim(place: &Place, worker: i32) -> TaskId {
    let id: uuid::Uuid = sqlx::query_scalar(
        "select id from jobs.exchange($1, 60, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{planning}', '{1}', '{null}', '{slow}')
         where what = 'claimed'",
    )
    .bind(worker)
    .fetch_one(&place.admin)
    .await
    .expect("claims");
    id.into()
}

/// Ends what the worker holds so.
async fn end(place: &Place, outcome: &str, error: &str) {
    sqlx::query("select jobs.end_attempt(id, lease_token, $1, 3600, $2, 'slow: ' || $2, 'a line') from jobs.tasks where status = 'running'")
        .bind(outcome)
        .bind(error)
        .execute(&place.admin)
        .await
        .expect("ends");
}

async fn list(place: &Place, text: &str) -> Vec<TaskId> {
    let mut conn = place.pool.acquire().await.expect("a connection");
    let ask = Ask { filter: text.parse().expect("a filter"), limit: 50, ..Ask::default() };
    tasks::page(&mut conn, &ask).await.expect("lists").items.into_iter().map(|row| row.id).collect()
}

async fn why(place: &Place, id: TaskId) -> Vec<Why> {
    let mut conn = place.pool.acquire().await.expect("a connection");
    waiting::why(&mut conn, id).await.expect("asks").expect("it is pending")
}

/// One task in each of some states: ready, scheduled, retrying, running, dead, discarded, of two queues.
struct Some {
    ready: TaskId,
    scheduled: TaskId,
    retrying: TaskId,
    running: TaskId,
    dead: TaskId,
    discarded: TaskId,
}

/// Ids are sorted by their millisecond: the next one is another.
async fn apart() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}

async fn some(place: &Place) -> Some {
    let no = worker(place).await;
    let dead = place.enqueue(slow()).await.expect("new");
    claim(place, no).await;
    end(place, "dead", "no route to host").await;
    apart().await;
    let retrying = place.enqueue(slow()).await.expect("new");
    claim(place, no).await;
    end(place, "failed", "time is up").await;
    apart().await;
    let running = place.enqueue(slow()).await.expect("new");
    claim(place, no).await;
    apart().await;
    let ready = place.enqueue(slow().priority(3)).await.expect("new");
    apart().await;
    let scheduled = place.enqueue(slow().delay(HOUR)).await.expect("new");
    apart().await;
    let discarded = place.enqueue(NewTask::new(&QUICK, json!({}))).await.expect("new");
    let mut conn = place.pool.acquire().await.expect("a connection");
    actions::discard(&mut conn, discarded).await.expect("discards");
    Some { ready, scheduled, retrying, running, dead, discarded }
}

#[tokio::test]
async fn the_states_are_counted_within_the_rest_of_a_filter() {
    let place = place().await;
    some(&place).await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    let mut counts = async |text: &str| {
        let filter = text.parse().expect("a filter");
        let counts = states::by_state(&mut conn, &filter).await.expect("counts");
        assert_eq!(counts.iter().map(|(state, _)| *state).collect::<Vec<_>>(), Shown::ALL, "in the order of a life");
        let some =
            counts.into_iter().filter_map(|(state, count)| Some((state, count?))).filter(|(_, count)| count.value > 0);
        some.map(|(state, count)| format!("{state} {}{}", count.value, if count.about { " about" } else { "" }))
            .collect::<Vec<_>>()
    };
    assert_eq!(counts("").await, ["scheduled 1", "retrying 1", "ready 1", "running 1", "dead 1", "discarded 1"]);
    assert_eq!(
        counts("status:dead -kind:quick").await,
        ["scheduled 1", "retrying 1", "ready 1", "running 1", "dead 1"]
    );
    assert_eq!(counts("error:route").await, ["dead 1"]);
    assert_eq!(counts("id:ffffffff").await, [""; 0]);
}

#[tokio::test]
async fn tasks_that_wait_for_a_group_are_named() {
    let place = place().await;
    place.enqueue(slow().group("twelve")).await.expect("new");
    let after = place.enqueue(slow().waits_for("twelve")).await.expect("new");
    let mut conn = place.pool.acquire().await.expect("a connection");
    let (named, count) = states::waiting_for(&mut conn, "twelve").await.expect("reads");
    assert_eq!((named.len(), count.value), (1, 1));
    assert_eq!((named[0].id, &*named[0].state), (after, "waiting"));
}

#[tokio::test]
async fn every_term_of_a_filter_narrows_the_list() {
    let place = place().await;
    let some = some(&place).await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    let count = async |text: &str| {
        let mut conn = place.pool.acquire().await.expect("a connection");
        tasks::count(&mut conn, &text.parse().expect("a filter")).await.expect("counts")
    };
    assert_eq!(
        list(&place, "").await,
        [some.discarded, some.scheduled, some.ready, some.running, some.retrying, some.dead]
    );
    for (text, wanted) in [
        ("status:running", vec![some.running]),
        ("status:retrying", vec![some.retrying]),
        ("status:scheduled,retrying,snoozed", vec![some.scheduled, some.retrying]),
        ("status:ready", vec![some.ready]),
        ("status:dead", vec![some.dead]),
        ("status:dead,discarded", vec![some.discarded, some.dead]),
        ("-status:dead,discarded,running", vec![some.scheduled, some.ready, some.retrying]),
        ("queue:conclude", vec![some.discarded]),
        ("kind:quick,other", vec![some.discarded]),
        ("error:\"NO ROUTE\"", vec![some.dead]),
        ("-error:route status:retrying,dead", vec![some.retrying]),
        ("fingerprint:\"slow: time is up\"", vec![some.retrying]),
        ("age:>1h", vec![]),
        ("age:<1h status:dead", vec![some.dead]),
        ("worker:w status:running", vec![some.running]),
        ("worker:nobody", vec![]),
        ("payload:scanId=12 status:ready", vec![some.ready]),
        ("payload:scanId=13", vec![]),
        ("error:100%", vec![]),
    ] {
        assert_eq!(list(&place, text).await, wanted, "{text}");
        assert_eq!(count(text).await, wanted.len() as i64, "{text}");
    }
    let id = some.dead.to_string();
    assert_eq!(list(&place, &format!("id:{id}")).await, [some.dead]);
    assert!(list(&place, &format!("id:{}", &id[..9])).await.contains(&some.dead));

    let page = tasks::page(&mut conn, &Ask { limit: 50, ..Ask::default() }).await.expect("lists");
    let total = page.total.expect("the first page counts");
    assert_eq!((total.value, total.about, page.next, page.looked_until), (6, false, None, None));
    let dead = page.items.iter().find(|row| row.id == some.dead).expect("is listed");
    assert_eq!((dead.state.as_str(), dead.attempts, dead.error.as_deref()), ("dead", 1, Some("no route to host")));
    assert!(dead.worker.as_deref().is_some_and(|worker| worker.starts_with("dispatcher-")), "{dead:?}");
    assert!(dead.run_ms.is_some() && dead.wait_ms.is_some() && dead.age_seconds >= 0.0, "{dead:?}");
}

#[tokio::test]
async fn pages_follow_each_other_from_both_ends() {
    let place = place().await;
    let no = worker(&place).await;
    for n in 0..12 {
        place.enqueue(slow()).await;
        if n % 2 == 0 {
            claim(&place, no).await;
            end(&place, "dead", "x").await;
        }
    }
    let mut conn = place.pool.acquire().await.expect("a connection");
    let mut seen: Vec<Vec<TaskId>> = Vec::new();
    for order in [Order::Newest, Order::Oldest] {
        let (mut after, mut ids) = (None, Vec::new());
        loop {
            let ask = Ask { filter: Filter::all(), order, after, limit: 5 };
            let page = tasks::page(&mut conn, &ask).await.expect("lists");
            assert_eq!(page.total.is_some(), after.is_none());
            ids.extend(page.items.iter().map(|row| row.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        seen.push(ids);
    }
    assert_eq!(seen[0].len(), 12);
    seen[1].reverse();
    assert_eq!(seen[0], seen[1]);
    let until = sqlx::query_scalar("select now() + interval '1 minute'").fetch_one(&place.admin).await.expect("reads");
    let dead = Filter::all().and(Test::Status(vec![Shown::Dead]));
    let first = tasks::ids(&mut conn, &dead, None, until, 4).await.expect("lists");
    let rest = tasks::ids(&mut conn, &dead, first.last().map(|(id, _)| *id), until, 4).await.expect("lists");
    assert_eq!((first.len(), rest.len()), (4, 2));
}

#[tokio::test]
async fn a_list_that_looked_far_goes_on_where_it_stopped() {
    let place = place().await;
    run(
        &place,
        "insert into jobs.tasks (queue, kind, payload, max_attempts, created_by)
           select 'conclude', case when n = 1 then 'rare' else 'slow' end, '{\"v\": 1, \"ids\": {}}', 3, 'test' from generate_series(1, 20100) n;
         analyze jobs.tasks",
    )
    .await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    let mut ask = Ask { filter: "kind:rare".parse().expect("a filter"), limit: 10, ..Ask::default() };
    let page = tasks::page(&mut conn, &ask).await.expect("lists");
    assert!(page.items.is_empty() && page.looked_until.is_some(), "{page:?}");
    assert!(page.total.is_some_and(|total| total.about), "{page:?}");
    ask.after = page.next;
    let page = tasks::page(&mut conn, &ask).await.expect("lists");
    assert_eq!((page.items.len(), page.next, page.looked_until), (1, None, None));
}

#[tokio::test]
async fn the_overview_says_what_stands_and_how_fast_it_goes() {
    let place = place().await;
    some(&place).await;
    run(
        &place,
        "update jobs.tasks set run_at = run_at - interval '1 minute', created_at = created_at - interval '1 minute' where status = 'pending' and attempts = 0 and run_at <= now();
         insert into jobs.queue_samples (at, queue, kind, ready_count, enqueued_count, done_count, failed_count)
           select date_trunc('minute', now()) - n * interval '1 minute', 'planning', 'slow', 7, 30, 60, 20 from generate_series(0, 4) n",
    )
    .await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    let all = overview::overview(&mut conn).await.expect("reads");
    assert_eq!(all.queues.len(), 9);
    assert_eq!(all.deploys.len(), 1);
    let line = all.queues.iter().find(|line| line.name == "planning").expect("is there");
    let counts =
        [line.counts.ready, line.counts.scheduled, line.counts.retrying, line.counts.running, line.counts.dead];
    assert!(counts.iter().all(|count| count.value == 1 && !count.about), "{counts:?}");
    assert!(line.is_late(), "{:?}", line.oldest_age_seconds);
    assert_eq!((line.workers, line.slots, line.utilisation()), (1, 2, Some(0.5)));
    assert!((line.in_per_second - 0.5).abs() < 1e-9 && (line.out_per_second - 1.0).abs() < 1e-9, "{line:?}");
    assert_eq!(line.failed_share, Some(0.25));
    assert!(line.drain_seconds.is_some_and(|seconds| (seconds - 4.0).abs() < 1e-6), "{line:?}");
    assert_eq!(line.points.len(), 5);
}

#[tokio::test]
async fn times_come_from_the_histograms_of_minutes_and_of_hours() {
    let place = place().await;
    run(
        &place,
        "insert into jobs.queue_samples (at, queue, kind, done_count, wait_histogram, run_histogram)
           select date_trunc('minute', now()) - n * interval '1 minute', 'planning', 'slow', 10, '{0,9,0,1}', '{10}' from generate_series(0, 299) n;
         select jobs.sample(date_trunc('minute', now()) + interval '1 minute')",
    )
    .await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    for range in Range::ALL {
        let detail = queue::detail(&mut conn, "planning", range).await.expect("reads").expect("is there");
        let [kind] = &detail.kinds[..] else { panic!("one kind: {:?}", detail.kinds) };
        let wanted = if range == Range::Hour { 590..=610 } else { 2900..=3000 };
        assert!(wanted.contains(&kind.run.count), "{range:?}: {}", kind.run.count);
        assert!(kind.wait.p50_ms.is_some_and(|ms| ms <= 2.0), "{range:?}: {:?}", kind.wait);
        assert!(kind.wait.p99_ms.is_some_and(|ms| ms > 4.0), "{range:?}: {:?}", kind.wait);
        assert!(!kind.points.is_empty());
    }
    assert!(queue::detail(&mut conn, "nowhere", Range::Hour).await.expect("reads").is_none());
}

#[tokio::test]
async fn a_task_is_shown_attempt_by_attempt_with_its_arguments_masked() {
    let place = place().await;
    let no = worker(&place).await;
    let id = place.enqueue(slow()).await.expect("new");
    claim(&place, no).await;
    end(&place, "failed", "first").await;
    run(&place, "select jobs.run_now(id) from jobs.tasks").await;
    claim(&place, no).await;
    run(&place, "update jobs.workers set lease_until = now() - interval '1 second'").await;
    run(&place, "select jobs.rescue()").await;
    claim(&place, no).await;
    end(&place, "dead", "last").await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    let shown = task::detail(&mut conn, id).await.expect("reads").expect("is there");
    assert_eq!((shown.state.as_str(), shown.attempts), ("dead", 3));
    let outcomes: Vec<_> =
        shown.spans.iter().filter_map(|span| span.attempt.as_ref()).map(|attempt| attempt.outcome.as_str()).collect();
    assert_eq!(outcomes, ["failed", "rescued", "dead"]);
    assert!(shown.spans.iter().any(|span| span.what == SpanKind::Rescued));
    assert!(shown.spans.iter().any(|span| span.what == SpanKind::BackOff));
    for pair in shown.spans.windows(2) {
        assert_eq!(pair[0].to, Some(pair[1].from), "without gaps: {:?}", shown.spans);
    }
    let last = shown.spans.iter().filter_map(|span| span.attempt.as_ref()).next_back().expect("three");
    assert_eq!(last.error.as_deref(), Some("last"));
    assert_eq!(last.worker.as_ref().map(|worker| worker.host.as_str()), Some("h"));
    assert_eq!(shown.arguments, Some(json!({ "scanId": task::MASK, "note": task::MASK })));

    let later = place.enqueue(slow().delay(HOUR)).await.expect("new");
    let shown = task::detail(&mut conn, later).await.expect("reads").expect("is there");
    let kinds: Vec<_> = shown.spans.iter().map(|span| span.what).collect();
    assert_eq!(kinds, [SpanKind::Scheduled, SpanKind::Waiting]);
}

#[tokio::test]
async fn why_a_task_waits_names_each_reason() {
    let place = place().await;
    let id = place.enqueue(slow()).await.expect("new");
    assert_eq!(why(&place, id).await, [Why::NoWorker { lost: 0 }]);
    let no = worker(&place).await;
    let known = place.enqueue(mipo_queue::payloads::PlanScan::task(7.into(), false)).await.expect("new");
    assert!(why(&place, id).await.contains(&Why::UnknownKind), "a kind of tests alone");
    assert!(matches!(why(&place, known).await[..], [Why::InLine { ahead }] if ahead.value == 1));

    run(&place, "update jobs.queues set paused = true where name = 'planning'").await;
    assert_eq!(why(&place, known).await.first(), Some(&Why::Paused));
    run(&place, "update jobs.queues set paused = false, rate_limit = 2, rate_seconds = 60 where name = 'planning'")
        .await;
    run(&place, "insert into jobs.queue_starts values ('planning', now(), 2)").await;
    assert!(matches!(why(&place, known).await[..], [Why::RateLimit { limit: 2, seconds: 60, free_at: Some(_) }]));
    run(&place, "update jobs.queues set rate_limit = null, max_running = 1 where name = 'planning'").await;
    let running = claim(&place, no).await;
    assert_eq!(running, id);
    assert_eq!(why(&place, known).await, [Why::QueueBound { max_running: 1, running: 1 }]);
    run(&place, "update jobs.queues set max_running = null, concurrency = 1 where name = 'planning'").await;
    assert_eq!(why(&place, known).await, [Why::NoFreeSlot { slots: 1, busy: 1 }]);
    run(&place, "update jobs.queues set concurrency = 9 where name = 'planning'").await;

    let first = place.enqueue(slow().concurrency_key("k").priority(9)).await.expect("new");
    let second = place.enqueue(slow().concurrency_key("k")).await.expect("new");
    assert_eq!(claim(&place, no).await, first);
    let reasons = why(&place, second).await;
    let Some(Why::KeyLimit { key, limit: 1, holders }) = reasons.first() else { panic!("{reasons:?}") };
    assert_eq!((key.as_str(), holders.len(), holders[0].id), ("k", 1, first));

    let member = place.enqueue(slow().group("g")).await.expect("new");
    let waits = place.enqueue(slow().waits_for("g").delay(HOUR)).await.expect("new");
    let reasons = why(&place, waits).await;
    assert!(matches!(reasons[0], Why::NotDue { state: "scheduled", .. }), "{reasons:?}");
    assert!(
        matches!(&reasons[1], Why::Group { group, left, tasks } if group == "g" && left.value == 1 && tasks == &[member])
    );

    run(&place, "update jobs.workers set drain_requested_at = now()").await;
    assert_eq!(why(&place, known).await, [Why::Draining { workers: 1 }]);
    run(&place, "update jobs.workers set last_seen_at = started_at, started_at = started_at - interval '1 hour'; update jobs.workers set last_seen_at = now() - interval '5 minutes'").await;
    assert_eq!(why(&place, known).await, [Why::NoWorker { lost: 1 }]);
    let mut conn = place.pool.acquire().await.expect("a connection");
    assert_eq!(waiting::why(&mut conn, running).await.expect("asks"), None, "it runs");
}

#[tokio::test]
async fn failures_are_grouped_by_their_shape() {
    let place = place().await;
    let some = some(&place).await;
    let no = worker(&place).await;
    let newest = place.enqueue(slow().priority(9)).await.expect("new");
    assert_eq!(claim(&place, no).await, newest);
    run(&place, "select jobs.end_attempt(id, lease_token, 'dead', 0, 'no route to host', 'slow: no route to host', null) from jobs.tasks where priority = 9").await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    let groups = failures::failures(&mut conn).await.expect("reads");
    let names: Vec<_> = groups.iter().map(|group| group.fingerprint.as_str()).collect();
    assert_eq!(names, ["slow: no route to host", "slow: time is up"]);
    let group = &groups[0];
    assert_eq!((group.dead.value, group.failing.value, group.sample), (2, 0, newest));
    assert_eq!((group.error.as_str(), group.kind.as_str()), ("no route to host", "slow"));
    assert_eq!(group.trend.iter().sum::<i64>(), 2);
    assert_eq!(group.versions, ["0"]);
    assert!(group.first_seen < group.last_seen && group.snooze.is_none());
    assert_eq!((groups[1].failing.value, groups[1].sample), (1, some.retrying));

    run(&place, "select jobs.snooze_failure('slow: no route to host', now() + interval '1 hour', 'known', 'op')").await;
    let groups = failures::failures(&mut conn).await.expect("reads");
    assert_eq!(groups[0].snooze.as_ref().map(|snooze| snooze.reason.as_str()), Some("known"));
    assert!(groups[1].snooze.is_none());
}

#[tokio::test]
async fn a_snooze_ends_when_a_new_version_fails_alike() {
    let place = place().await;
    some(&place).await;
    run(&place, "select jobs.snooze_failure('slow: no route to host', now() + interval '1 hour', 'known', 'op')").await;
    let no: i32 = sqlx::query_scalar(
        "select jobs.register_worker('dispatcher-00000000000000000000000002', 'w', 'dispatcher', 'h', 1, 'next', '{planning}', 1)",
    )
    .fetch_one(&place.admin)
    .await
    .expect("registers");
    place.enqueue(slow().priority(9)).await;
    claim(&place, no).await;
    run(&place, "select jobs.end_attempt(id, lease_token, 'dead', 0, 'no route to host', 'slow: no route to host', null) from jobs.tasks where priority = 9").await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    let groups = failures::failures(&mut conn).await.expect("reads");
    assert_eq!((groups[0].versions.len(), &groups[0].snooze), (2, &None));
}

#[tokio::test]
async fn workers_are_shown_with_what_they_run() {
    let place = place().await;
    let some = some(&place).await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    let found = workers::workers(&mut conn).await.expect("reads");
    assert_eq!((found.len(), found[0].state), (1, WorkerState::Live));
    let running: Vec<_> = found[0].running.iter().map(|task| task.id).collect();
    assert_eq!(running, [some.running]);
    run(
        &place,
        "update jobs.workers set started_at = now() - interval '1 hour', last_seen_at = now() - interval '1 minute'",
    )
    .await;
    assert_eq!(workers::workers(&mut conn).await.expect("reads")[0].state, WorkerState::Lost);
    run(&place, "update jobs.workers set stopped_at = now()").await;
    assert_eq!(workers::workers(&mut conn).await.expect("reads")[0].state, WorkerState::Stopped);
}

#[tokio::test]
async fn cron_entries_are_shown_in_words_with_their_next_ticks() {
    let place = place().await;
    let mut conn = place.pool.acquire().await.expect("a connection");
    let entry = mipo_queue::cron::Entry::new("prune", "0 3 * * *", &mipo_queue::kinds::PRUNE_TASKS);
    mipo_queue::cron::keep(&mut conn, &[entry]).await.expect("keeps");
    let manager = place.db.pool_as("mipo_manager");
    let mut asks = manager.acquire().await.expect("a connection");
    let id = mipo_queue::cron::run_now(&mut asks, "prune", "op").await.expect("runs").expect("is there");
    let found = cron::entries(&mut conn).await.expect("reads");
    assert_eq!((found.len(), found[0].name.as_str(), found[0].next.len()), (1, "prune", 5));
    assert!(found[0].words.contains("(UTC)"), "{}", found[0].words);
    assert!(found[0].next.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(found[0].last.as_ref().map(|last| (last.task, last.state.as_str())), Some((id, "ready")));
}

#[tokio::test]
async fn the_database_panel_names_who_holds_the_vacuum() {
    let place = place().await;
    let mut holder = place.admin.begin().await.expect("begins");
    sqlx::query("set transaction isolation level repeatable read").execute(&mut *holder).await.expect("sets");
    sqlx::query("select count(*) from jobs.tasks").execute(&mut *holder).await.expect("takes a snapshot");
    for role in ["mipo_manager", "mipo_ops_read"] {
        let pool = place.db.pool_as(role);
        let mut conn = pool.acquire().await.expect("a connection");
        let panel = database::database(&mut conn).await.expect("reads");
        assert!(panel.sees_all && panel.size_bytes > 0 && panel.notify_used >= 0.0);
        assert!(panel.holders.iter().any(|holder| holder.state == "idle in transaction"), "{:?}", panel.holders);
        let names: Vec<_> = panel.tables.iter().map(|table| table.name.as_str()).collect();
        assert!(names.contains(&"tasks") && names.contains(&"task_history"), "{names:?}");
    }
    holder.rollback().await.expect("ends");
    // A cluster whose administrator did not give the right away: less is seen, and the panel says so.
    let pool = place.db.pool_as("mipo_dispatcher");
    let mut conn = pool.acquire().await.expect("a connection");
    let panel = database::database(&mut conn).await.expect("reads");
    assert!(!panel.sees_all);
}
