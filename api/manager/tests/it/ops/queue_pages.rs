//! The pages of queues: what they say of real rows, what their forms do, and what they refuse.
use super::{audited, dead, rows, worker};
use crate::support::{Browser, World};

/// A task that is due since `seconds`.
async fn due(world: &World, queue: &str, seconds: u32) {
    sqlx::query(
        "insert into jobs.tasks (queue, kind, payload, max_attempts, run_at, rank, created_by, created_at)
         select $1, 'test', '{\"v\": 1, \"ids\": {}}', 3, t.at, t.at, 'test', t.at from (select now() - make_interval(secs => $2)) t (at)",
    )
    .bind(queue)
    .bind(f64::from(seconds))
    .execute(&world.superuser)
    .await
    .expect("inserts");
}

/// A minute of a queue, as the sampler leaves it.
async fn minute(world: &World, queue: &str, ago: u32, done: i32, failed: i32) {
    sqlx::query(
        "insert into jobs.queue_samples (queue, kind, at, enqueued_count, done_count, failed_count, wait_histogram, run_histogram)
         values ($1, 'test', date_trunc('minute', now()) - make_interval(mins => $2), $3, $3, $4, array[0, 0, 0, $3], array[0, 0, 0, 0, $3])",
    )
    .bind(queue)
    .bind(i32::try_from(ago).expect("small"))
    .bind(done)
    .bind(failed)
    .execute(&world.superuser)
    .await
    .expect("inserts");
}

async fn page(browser: &mut Browser, path: &str) -> String {
    browser.get(path).await.expect(200).body
}

/// The row of a queue, without its markup.
fn row(page: &str, queue: &str) -> String {
    let (_, rest) =
        page.split_once(&format!(r#"<tr id="queue-{queue}""#)).unwrap_or_else(|| panic!("no {queue} in {page}"));
    rest.split_once("</tr>").expect("its end").0.to_owned()
}

#[tokio::test]
async fn the_sentence_says_what_is_wrong_and_why() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let calm = page(&mut owner, "/ops/queues").await;
    assert!(calm.contains("All 9 queues are on time.") && calm.contains("none is dead"), "{calm}");

    due(&world, "exports", 5).await;
    due(&world, "repair", 100).await;
    worker(&world).await;
    due(&world, "bulk", 3).await;
    world.tamper("update jobs.queues set paused = true where name = 'bulk'").await;
    dead(&world).await;
    minute(&world, "repair", 2, 3, 9).await;
    let shown = page(&mut owner, "/ops/queues").await;
    let lede = shown.split_once(r#"class="lede""#).expect("a lede").1;
    let lede = lede.split_once("</div>").expect("its end").0;
    for wanted in [
        r#"<a href="/ops/queues/exports">exports</a> is stuck: "#,
        "1 task is due and no process works on it</a>",
        r#"<a href="/ops/queues/repair">repair</a> is late by 1 min"#,
        "against 10 s: ",
        "75 % of its attempts failed in the last hour</a>",
        r#"<a href="/ops/queues/bulk">bulk</a> is paused: "#,
        "1 task is held back</a>",
        "The other 6 are on time.",
        "3 wait</a>",
        "1 is dead</a>",
    ] {
        assert!(lede.contains(wanted), "no {wanted} in {lede}");
    }
    let order: Vec<_> =
        ["exports", "repair", "bulk", "backups"].map(|name| shown.find(&format!("queue-{name}\" data-row"))).into();
    assert!(order.is_sorted(), "the most urgent first: {order:?}");
    let repair = row(&shown, "repair");
    assert!(repair.contains("Late") && repair.contains("1 ready</a>") && repair.contains("75 %"), "{repair}");
    assert!(repair.contains("0<span class=\"faint\"> / 2</span>"), "{repair}");
    assert!(repair.contains("/ops/bulk/new?action=retry&amp;q=queue:repair+status:dead"), "{repair}");
    assert!(repair.contains("version 1.0 began at"), "the deploy is marked: {repair}");
    assert!(row(&shown, "bulk").contains("Resume") && !row(&shown, "bulk").contains("Pause…"));
    assert!(shown.contains(r#"data-say-state="exports is stuck. repair is late. bulk is paused.""#), "{shown}");
}

#[tokio::test]
async fn forms_pause_resume_and_limit_and_lead_back() {
    let world = World::new().await;
    world.user("opal", &["queues:view", "queues:execute"]).await;
    let mut op = world.signed_in("opal").await;
    let back = ("back", "/ops/queues");

    let refused = op.post("/ops/queues/repair/pause", &[back, ("reason", " ")]).await.expect(422).body;
    assert!(refused.contains("Say why; it goes to the audit log.") && refused.contains("Pause repair?"), "{refused}");
    let answer = op.post("/ops/queues/repair/pause", &[back, ("reason", "the cable")]).await.expect(303);
    assert_eq!(answer.location(), "/ops/queues");
    assert_eq!(audited(&world).await, "change opal paused queue the cable");
    assert!(page(&mut op, "/ops/queues").await.contains("Queue repair is paused; what runs goes on."));
    op.post("/ops/queues/repair/pause", &[back, ("reason", "again")]).await.expect(303);
    assert!(page(&mut op, "/ops/queues").await.contains("The queue repair is paused already."));
    op.post("/ops/queues/repair/resume", &[back]).await.expect(303);
    assert_eq!(audited(&world).await, "change opal resumed queue ");

    let form = page(&mut op, "/ops/queues/repair/limits").await;
    assert!(form.contains(r#"name="concurrency""#) && form.contains(r#"value="2""#), "{form}");
    let limits = |version, concurrency, most| {
        [
            ("version", version),
            ("concurrency", concurrency),
            ("maxRunning", most),
            ("rateLimit", ""),
            ("rateSeconds", "1"),
            back,
        ]
    };
    let wrong = op.post("/ops/queues/repair/limits", &limits("3", "0", "many")).await.expect(422).body;
    assert!(wrong.contains("f-maxRunning-err"), "{wrong}");
    let wrong = op.post("/ops/queues/repair/limits", &limits("3", "", "9")).await.expect(422).body;
    assert!(wrong.contains("f-concurrency-err"), "{wrong}");
    op.post("/ops/queues/repair/limits", &limits("3", "7", "9")).await.expect(303);
    assert_eq!(audited(&world).await, "change opal updated queue ");
    assert_eq!(
        world.text("select concurrency || ' ' || max_running from jobs.queues where name = 'repair'").await,
        "7 9"
    );
    let stale = op.post("/ops/queues/repair/limits", &limits("3", "8", "9")).await.expect(422).body;
    assert!(stale.contains("save again to overwrite") && stale.contains(r#"name="version" value="4""#), "{stale}");
    op.get("/ops/queues/nowhere/limits").await.expect(404);
}

#[tokio::test]
async fn who_may_only_look_gets_no_form() {
    let world = World::new().await;
    world.user("viewer", &["viewer"]).await;
    let mut viewer = world.signed_in("viewer").await;
    let shown = page(&mut viewer, "/ops/queues").await;
    assert!(!shown.contains("Pause…") && !shown.contains("<dialog class=\"dlg\" id=\"pause-"), "{shown}");
    let before = rows(&world).await;
    for path in ["pause", "resume", "limits"] {
        let answer = viewer.post(&format!("/ops/queues/repair/{path}"), &[("reason", "x")]).await.expect(403).body;
        assert!(answer.contains("queues:execute"), "{path}: {answer}");
    }
    assert_eq!(rows(&world).await, before);
}

#[tokio::test]
async fn a_queue_shows_its_times_as_charts_and_as_a_table() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let empty = page(&mut owner, "/ops/queues/repair").await;
    assert!(empty.contains("Nothing ended in this time."), "{empty}");
    worker(&world).await;
    for ago in 1..=20 {
        minute(&world, "repair", ago, 8, 1).await;
    }
    let shown = page(&mut owner, "/ops/queues/repair").await;
    assert_eq!(shown.matches(r#"<svg class="chart" role="img""#).count(), 2, "waited and ran");
    assert!(shown.contains("Time that test waited: 8 ms at most") && shown.contains("1.0 began"), "{shown}");
    assert!(
        shown.contains(r#"<th scope="row" class="lead"><a href="/ops/tasks?q=queue:repair+kind:test">test</a>"#),
        "{shown}"
    );
    assert!(shown.contains(r#"data-l="Done">160</td>"#) && shown.contains(r#"data-l="Failed">20</td>"#), "{shown}");
    assert_eq!(shown.matches(r#"<tr><th scope="row"><time"#).count(), 20, "a row a minute");
    for range in ["24h", "7d", "30d", "never"] {
        let shown = page(&mut owner, &format!("/ops/queues/repair?range={range}")).await;
        assert!(
            shown.contains(r#"aria-current="page">Last"#) && shown.contains("Time that test ran"),
            "{range}: {shown}"
        );
    }
    let form = page(&mut owner, "/ops/queues/repair?range=7d").await;
    assert!(form.contains(r#"name="back" value="/ops/queues/repair?range=7d""#), "{form}");
    owner.get("/ops/queues/nowhere").await.expect(404);
}
