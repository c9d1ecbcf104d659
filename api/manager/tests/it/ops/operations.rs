//! The pages of failures, workers, cron and the database: what they show of real rows, do and refuse.
use super::{audited, dead, rows, worker};
use crate::support::{Browser, World};

const GROUP: &str = "repair_job: no route";

async fn page(browser: &mut Browser, path: &str) -> String {
    browser.get(path).await.expect(200).body
}

/// Somebody who may act, with a page opened, because forms need a token.
async fn operator(world: &World) -> Browser {
    world.user("opal", &["queues:view", "queues:execute"]).await;
    let mut op = world.signed_in("opal").await;
    op.get("/ops/failures").await.expect(200);
    op
}

async fn watcher(world: &World) -> Browser {
    world.user("vera", &["queues:view"]).await;
    world.signed_in("vera").await
}

#[tokio::test]
async fn failures_are_groups_with_trend_version_and_grid() {
    let world = World::new().await;
    let mut op = operator(&world).await;
    let shown = page(&mut op, "/ops/failures").await;
    assert!(shown.contains("Nothing is failing") && !shown.contains("data-row"), "{shown}");
    worker(&world).await;
    dead(&world).await;
    let newest = dead(&world).await;
    world.tamper("update jobs.task_history set finished_at = now() - interval '3 hours' where id = (select min(id::text)::uuid from jobs.task_history)").await;
    let shown = page(&mut op, "/ops/failures").await;
    assert!(shown.contains("2 tasks are dead in 1 group; 0 more are tried again"), "{shown}");
    assert!(shown.contains("/ops/tasks?q=status:dead+fingerprint:%22repair_job:+no+route%22"), "{shown}");
    assert!(shown.contains("no route</a>") && shown.contains(r#"<span class="mono">1.0</span>"#), "{shown}");
    assert!(shown.contains("2 tasks died in the last 24 hours, 1 of them in the last hour"), "{shown}");
    assert!(
        shown.contains(r#"href="/ops/tasks?q=status:dead+kind:repair_job+age:%3C1h" class="over">1</a>"#),
        "{shown}"
    );
    assert!(shown.contains("age:%3E1h+age:%3C6h") && !shown.contains("age:%3E24h"), "{shown}");
    assert!(shown.contains(&format!("/ops/tasks/{newest}/retry")), "{shown}");
    let bulk = "/ops/bulk/new?action=retry&amp;q=status:dead+fingerprint:%22repair_job:+no+route%22";
    assert!(shown.contains(bulk) && shown.contains(&bulk.replace("retry", "discard")), "{shown}");
    let counted = page(&mut op, &bulk.replace("&amp;", "&")).await;
    assert!(counted.contains("Exactly 2 tasks") && counted.contains("Retry 2 tasks"), "{counted}");
    assert!(!shown.contains("style="), "nothing that the content policy refuses");
}

#[tokio::test]
async fn one_of_a_group_is_retried_and_the_group_goes_with_its_last() {
    let world = World::new().await;
    let mut op = operator(&world).await;
    let (first, second) = (dead(&world).await, dead(&world).await);
    for id in [&second, &first] {
        let retry = format!("/ops/tasks/{id}/retry");
        assert!(page(&mut op, "/ops/failures").await.contains(&retry), "the newest that is dead");
        let answer = op.post(&retry, &[("back", "/ops/failures")]).await.expect(303);
        assert_eq!(answer.location(), "/ops/failures");
        assert_eq!(audited(&world).await, "change opal retried task ");
    }
    let shown = page(&mut op, "/ops/failures").await;
    assert!(shown.contains("The task is tried again.") && !shown.contains(">Retry one<"), "{shown}");
}

#[tokio::test]
async fn a_group_is_snoozed_until_a_time_with_a_reason_and_shown_again() {
    let world = World::new().await;
    let mut op = operator(&world).await;
    dead(&world).await;
    let form = page(&mut op, "/ops/failures/snooze?group=repair_job:+no+route").await;
    assert!(form.contains(r#"type="datetime-local""#) && form.contains(GROUP), "{form}");
    op.get("/ops/failures/snooze?group=nothing").await.expect(404);
    let before = rows(&world).await;
    // By the clock of the test, which is behind that of the database.
    let tomorrow = "2026-01-06T12:00";
    let snooze = |until: &'static str, reason: &'static str| [("group", GROUP), ("until", until), ("reason", reason)];
    for (fields, wanted) in [
        (snooze("soon", "known"), "is not a time; write 2030-12-31T18:00"),
        (snooze("2001-01-01T00:00", "known"), "A time from now to 90 days ahead."),
        ([("group", GROUP), ("until", tomorrow), ("reason", "")], "Say why"),
    ] {
        let answer = op.post("/ops/failures/snooze", &fields).await.expect(422);
        assert!(answer.body.contains(wanted), "{wanted}: {}", answer.body);
    }
    assert_eq!(rows(&world).await, before, "what is refused leaves nothing");
    op.post("/ops/failures/snooze", &[("group", GROUP), ("until", tomorrow), ("reason", "known")]).await.expect(303);
    assert_eq!(audited(&world).await, "change opal snoozed failure group known");
    world.tamper("update jobs.failure_snoozes set until = now() + interval '1 day'").await;
    let shown = page(&mut op, "/ops/failures").await;
    assert!(shown.contains("All that fails is snoozed: 1 group.") && shown.contains(">known</td>"), "{shown}");
    op.post("/ops/failures/show", &[("group", GROUP)]).await.expect(303);
    assert_eq!(audited(&world).await, "change opal shown failure group ");
    assert!(page(&mut op, "/ops/failures").await.contains("1 task is dead in 1 group"));
}

#[tokio::test]
async fn who_may_only_look_at_failures_changes_nothing() {
    let world = World::new().await;
    let mut vera = watcher(&world).await;
    let died = dead(&world).await;
    let shown = page(&mut vera, "/ops/failures").await;
    assert!(shown.contains("no route</a>") && !shown.contains("/retry") && !shown.contains("Snooze…"), "{shown}");
    let before = rows(&world).await;
    assert!(
        vera.get("/ops/failures/snooze?group=repair_job:+no+route").await.expect(403).body.contains("queues:execute")
    );
    for path in ["/ops/failures/snooze", "/ops/failures/show", &format!("/ops/tasks/{died}/retry")] {
        vera.post(path, &[("group", GROUP), ("until", "2030-01-01T00:00"), ("reason", "x")]).await.expect(403);
    }
    assert_eq!(rows(&world).await, before);
}

#[tokio::test]
async fn workers_show_what_they_run_and_the_lost_are_marked() {
    let world = World::new().await;
    let mut op = operator(&world).await;
    assert!(page(&mut op, "/ops/workers").await.contains("No process works on the queues."));
    worker(&world).await;
    world
        .tamper(
            "insert into jobs.tasks (queue, kind, payload, max_attempts, created_by, status, attempts, lease_token, locked_by, started_at)
             select 'repair', 'repair_job', '{\"v\": 1, \"ids\": {}}', 3, 'test', 'running', 1, gen_random_uuid(), w.no, now()
             from generate_series(1, 5), jobs.workers w",
        )
        .await;
    let shown = page(&mut op, "/ops/workers").await;
    assert!(shown.contains("1 process works on the queues, with 2 slots; 5 tasks run now."), "{shown}");
    assert!(shown.contains("pid 1</span>") && shown.contains("Live</span>") && shown.contains("and 2 more"), "{shown}");
    assert_eq!(shown.matches(">repair_job</a>").count(), 3, "{shown}");
    world.tamper("update jobs.workers set started_at = now() - interval '1 hour', last_seen_at = now() - interval '1 minute'").await;
    let shown = page(&mut op, "/ops/workers").await;
    assert!(
        shown.contains("Lost</span>") && shown.contains("1 worker is lost.") && !shown.contains("/drain"),
        "{shown}"
    );
    world.tamper("update jobs.workers set stopped_at = now()").await;
    assert!(page(&mut op, "/ops/workers").await.contains("Ended well within the last day"));
}

#[tokio::test]
async fn a_worker_is_drained_with_a_reason_and_works_again() {
    let world = World::new().await;
    let mut op = operator(&world).await;
    let no = worker(&world).await;
    let (drain, undrain) = (format!("/ops/workers/{no}/drain"), format!("/ops/workers/{no}/undrain"));
    assert!(page(&mut op, "/ops/workers").await.contains(&drain));
    assert!(page(&mut op, &drain).await.contains("Drain worker w on h?"));
    op.get("/ops/workers/4711/drain").await.expect(404);
    let answer = op.post(&drain, &[("reason", " ")]).await.expect(422);
    assert!(answer.body.contains("Say why"), "{}", answer.body);
    assert_eq!(op.post(&drain, &[("reason", "new kernel")]).await.expect(303).location(), "/ops/workers");
    assert_eq!(audited(&world).await, "change opal drained worker new kernel");
    let shown = page(&mut op, "/ops/workers").await;
    assert!(shown.contains("Draining</span>") && shown.contains(&undrain), "{shown}");
    op.post(&drain, &[("reason", "twice")]).await.expect(303);
    assert!(page(&mut op, "/ops/workers").await.contains("is draining already"), "the refusal is told");
    op.post(&undrain, &[]).await.expect(303);
    assert_eq!(audited(&world).await, "change opal undrained worker ");
    let mut vera = watcher(&world).await;
    let shown = page(&mut vera, "/ops/workers").await;
    assert!(shown.contains("Live</span>") && !shown.contains("/drain"), "{shown}");
    let before = rows(&world).await;
    vera.get(&drain).await.expect(403);
    for path in [&drain, &undrain] {
        vera.post(path, &[("reason", "x")]).await.expect(403);
    }
    assert_eq!(rows(&world).await, before);
}

#[tokio::test]
async fn cron_is_told_in_words_with_its_next_ticks_in_its_zone() {
    let world = World::new().await;
    let mut op = operator(&world).await;
    assert!(page(&mut op, "/ops/cron").await.contains("Nothing runs by the clock yet."));
    let died = dead(&world).await;
    world
        .tamper(
            "insert into jobs.cron (name, schedule, zone, queue, kind, payload, last_task_id) values
               ('prune', '0 3 * * *', 'Asia/Kolkata', 'repair', 'repair_job', '{\"v\": 1, \"ids\": {}}', (select id from jobs.task_history)),
               ('tidy', '*/15 * * * *', 'UTC', 'maintenance', 'prune_tasks', '{\"v\": 1, \"ids\": {}}', null);
             insert into jobs.queue_hours (queue, kind, at, done_count, dead_count) values ('repair', 'repair_job', date_trunc('hour', now()), 7, 1)",
        )
        .await;
    let shown = page(&mut op, "/ops/cron").await;
    assert!(shown.contains("2 entries run by the clock. The last run of 1 failed."), "{shown}");
    assert_eq!((shown.matches("03:00 IST</li>").count(), shown.matches(" UTC</li>").count()), (5, 5), "{shown}");
    assert!(shown.contains("7 runs went well in the last 24 hours, 1 died"), "{shown}");
    assert!(
        shown.contains(&format!(r#"href="/ops/tasks/{died}" title="no route""#)) && shown.contains("not yet"),
        "{shown}"
    );
}

#[tokio::test]
async fn cron_is_run_paused_and_resumed() {
    let world = World::new().await;
    let mut op = operator(&world).await;
    world.tamper("insert into jobs.cron (name, schedule, queue, kind, payload) values ('prune', '0 3 * * *', 'maintenance', 'prune_tasks', '{\"v\": 1, \"ids\": {}}')").await;
    let mut vera = watcher(&world).await;
    assert!(!page(&mut vera, "/ops/cron").await.contains("/ops/cron/prune/"));
    let before = rows(&world).await;
    vera.get("/ops/cron/prune/pause").await.expect(403);
    for action in ["run", "pause", "resume"] {
        vera.post(&format!("/ops/cron/prune/{action}"), &[("reason", "x")]).await.expect(403);
        op.post(&format!("/ops/cron/nothing/{action}"), &[("reason", "x")]).await.expect(404);
    }
    op.get("/ops/cron/nothing/pause").await.expect(404);
    assert!(op.post("/ops/cron/prune/pause", &[]).await.expect(422).body.contains("Say why"));
    assert_eq!(rows(&world).await, before);

    assert_eq!(op.post("/ops/cron/prune/run", &[]).await.expect(303).location(), "/ops/cron");
    assert_eq!(audited(&world).await, "change opal run cron ");
    let task = world.text("select id::text from jobs.tasks where kind = 'prune_tasks'").await;
    assert!(page(&mut op, "/ops/cron").await.contains(&format!("/ops/tasks/{task}")), "what became of it");
    assert!(page(&mut op, "/ops/cron/prune/pause").await.contains("Pause prune?"));
    op.post("/ops/cron/prune/pause", &[("reason", "the disk is full")]).await.expect(303);
    assert_eq!(audited(&world).await, "change opal paused cron the disk is full");
    let shown = page(&mut op, "/ops/cron").await;
    assert!(shown.contains("Paused</span>") && shown.contains("not while paused"), "{shown}");
    op.post("/ops/cron/prune/pause", &[("reason", "twice")]).await.expect(303);
    assert!(page(&mut op, "/ops/cron").await.contains("is paused already"), "the refusal is told");
    op.post("/ops/cron/prune/resume", &[]).await.expect(303);
    assert_eq!(audited(&world).await, "change opal resumed cron ");
}

#[tokio::test]
async fn the_database_page_says_what_is_well() {
    let world = World::new().await;
    let mut vera = watcher(&world).await;
    let shown = page(&mut vera, "/ops/database").await;
    assert!(
        shown.contains("The database has ") && shown.contains(r#"<span class="mono">task_history</span>"#),
        "{shown}"
    );
    assert!(shown.contains("The vacuum keeps up") && shown.contains("0.0 % of the queue of notifications"), "{shown}");
    assert!(!shown.contains("style="), "nothing that the content policy refuses");
}
