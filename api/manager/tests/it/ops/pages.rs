//! The pages of tasks: what they show of real rows, what their forms do, and what they refuse.
use super::{audited, dead, pending, rows, worker};
use crate::support::{Browser, World};

async fn id_of(world: &World, kind: &str) -> String {
    sqlx::query_scalar("select id::text from jobs.all_tasks where kind = $1 order by id desc limit 1")
        .bind(kind)
        .fetch_one(&world.superuser)
        .await
        .expect("an id")
}

/// What stands between two texts.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("no {from} in {text}"));
    rest.split_once(to).unwrap_or_else(|| panic!("no {to} in {rest}")).0
}

async fn page(browser: &mut Browser, path: &str) -> String {
    browser.get(path).await.expect(200).body
}

#[tokio::test]
async fn the_list_shows_states_with_counts_and_goes_on_by_its_last_row() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let empty = page(&mut owner, "/ops/tasks").await;
    assert!(empty.contains("There is no task yet.") && empty.contains("run a scan"), "{empty}");
    let waits = pending(&world).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(dead(&world).await);
    }
    let all = page(&mut owner, "/ops/tasks?pageSize=2").await;
    assert!(all.contains("4 tasks</h2>") && all.contains("2 shown of 4"), "{all}");
    let tabs = between(&all, r#"id="tabs""#, "</nav>");
    assert!(tabs.contains(r#"Dead<span class="n bad">3</span>"#), "{tabs}");
    assert!(tabs.contains(r#"Scheduled<span class="n ">1</span>"#), "{tabs}");
    assert!(all.contains(&ids[2]) && all.contains(&ids[1]) && !all.contains(&ids[0]), "newest first");
    let next = between(&all, r#"<nav class="end" aria-label="Pages">"#, "</nav>");
    let next = between(next, r#"href=""#, r#"""#).replace("&amp;", "&");
    let second = page(&mut owner, &next).await;
    assert!(second.contains(&ids[0]) && second.contains(&waits) && second.contains("First page"), "{second}");
    let oldest = page(&mut owner, "/ops/tasks?sort=id&q=status:scheduled,dead").await;
    assert!(oldest.find(&waits) < oldest.find(&ids[2]), "oldest first");
    let none = page(&mut owner, "/ops/tasks?q=status:running").await;
    assert!(none.contains("No task passes the filter.") && none.contains("show all tasks"), "{none}");
    let rows = owner.get("/ops/tasks?q=error:ROUTE&cols=priority,worker").await.expect(200).body;
    assert!(
        rows.contains("3 tasks</h2>") && rows.contains(">Priority</th>") && !rows.contains(">Queue</th>"),
        "{rows}"
    );
}

#[tokio::test]
async fn a_search_that_looked_far_offers_to_go_on() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let first = pending(&world).await;
    world
        .tamper(
            "insert into jobs.tasks (id, queue, kind, payload, max_attempts, created_by)
             select ('01fe0000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'repair', 'repair_job', '{\"v\": 1, \"ids\": {}}', 3, 'test'
             from generate_series(1, 20100) n",
        )
        .await;
    let shown = page(&mut owner, "/ops/tasks?q=payload:jobErrorId%3D7").await;
    assert!(shown.contains("None among the newest tasks.") && !shown.contains("data-row"), "{shown}");
    let further = between(&shown, r#"<a class="btn main-act" href=""#, "\"").replace("&#38;", "&");
    let shown = page(&mut owner, &further).await;
    assert!(shown.contains(&first), "it goes on where it stopped: {shown}");
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_refused_with_its_wrong_term() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    dead(&world).await;
    let page = owner.get("/ops/tasks?q=staus:dead+queue:repair+age:5").await.expect(422).body;
    assert!(page.contains("<mark>staus:dead</mark> queue:repair <mark>age:5</mark>"), "{page}");
    assert!(page.contains("there is no key staus") && page.contains("a number and s, m, h or d"), "{page}");
    assert!(page.contains(r#"value="staus:dead queue:repair age:5""#), "what was typed stays");
    assert!(!page.contains("data-row"), "nothing was looked for");
}

#[tokio::test]
async fn a_page_says_why_its_task_waits_and_offers_what_changes_it() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let waits = pending(&world).await;
    let path = format!("/ops/tasks/{waits}");
    let shown = page(&mut owner, &path).await;
    assert!(shown.contains("It is scheduled for later") && shown.contains(&format!("{path}/run-now")), "{shown}");
    assert!(shown.contains("No process works on queue repair") && shown.contains(r#"href="/ops/workers""#));
    worker(&world).await;
    world.tamper("update jobs.queues set paused = true where name = 'repair'").await;
    let shown = page(&mut owner, &path).await;
    assert!(shown.contains("Queue repair is paused") && shown.contains(&format!(r#"action="{path}/resume-queue""#)));
    assert!(shown.contains("A worker serves queue repair") && !shown.contains("No process works"));
    owner.post(&format!("{path}/resume-queue"), &[]).await.expect(303);
    assert_eq!(audited(&world).await, "change owner resumed queue ");
    assert!(page(&mut owner, &path).await.contains("Queue repair goes on."));
    world
        .tamper(
            "insert into jobs.tasks (queue, kind, payload, max_attempts, created_by, group_key) values
               ('repair', 'repair_job', '{\"v\": 1, \"ids\": {}}', 3, 'test', 'twelve');
             insert into jobs.tasks (queue, kind, payload, max_attempts, created_by, waits_for, rank) values
               ('repair', 'bulk_repair', '{\"v\": 1, \"ids\": {}}', 3, 'test', 'twelve', 'infinity');
             insert into jobs.tasks (queue, kind, payload, max_attempts, created_by, concurrency_key, concurrency_limit, status, attempts,
               lease_token, locked_by, started_at, concurrency_slot) values
               ('results', 'store_results', '{\"v\": 1, \"ids\": {}}', 3, 'test', 'k', 1, 'running', 1, gen_random_uuid(), 1, now(), 1);
             insert into jobs.tasks (queue, kind, payload, max_attempts, created_by, concurrency_key, concurrency_limit) values
               ('results', 'conclude_job', '{\"v\": 1, \"ids\": {}}', 3, 'test', 'k', 1)",
        )
        .await;
    let (after, before) = (id_of(&world, "bulk_repair").await, id_of(&world, "repair_job").await);
    let shown = page(&mut owner, &format!("/ops/tasks/{after}")).await;
    assert!(shown.contains("It waits for 1 task of a group to end") && shown.contains("Open the first"), "{shown}");
    assert!(shown.contains(&format!(r#"href="/ops/tasks/{before}""#)));
    let shown = page(&mut owner, &format!("/ops/tasks/{before}")).await;
    assert!(
        shown.contains("Waits for its group") && shown.contains(&format!(r#"href="/ops/tasks/{after}""#)),
        "{shown}"
    );
    let (held, holder) = (id_of(&world, "conclude_job").await, id_of(&world, "store_results").await);
    let shown = page(&mut owner, &format!("/ops/tasks/{held}")).await;
    assert!(shown.contains("As many tasks of its key run as may at once: 1"), "{shown}");
    assert!(shown.contains(&format!(r#"class="btn sm" href="/ops/tasks/{holder}">Open holder"#)), "{shown}");
    let shown = page(&mut owner, &format!("/ops/tasks/{holder}")).await;
    assert!(shown.contains("runs for") && !shown.contains("Why does it wait?"), "{shown}");
}

#[tokio::test]
async fn a_dead_task_tells_its_life() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    worker(&world).await;
    let died = dead(&world).await;
    sqlx::query(
        "insert into jobs.task_attempts (task_id, attempt, worker, started_at, ended_at, outcome, error, fingerprint, log)
         values ($1::uuid, 1, 1, now() - interval '1 hour', now() - interval '50 minutes', 'rescued', 'its worker was lost', 'repair_job: lost', 'INFO begins')",
    )
    .bind(&died)
    .execute(&world.superuser)
    .await
    .expect("inserts");
    let shown = page(&mut owner, &format!("/ops/tasks/{died}")).await;
    assert!(shown.contains("All 3 attempts are used") && shown.contains("no route"), "{shown}");
    assert!(shown.contains(r#"aria-label="Attempt 1: "#) && shown.contains("rescued after 10 min"), "{shown}");
    assert!(
        shown.contains("its worker was lost") && shown.contains("INFO begins") && shown.contains("w<span"),
        "{shown}"
    );
    assert!(shown.contains("q=fingerprint:%22repair_job:+no+route%22"), "{shown}");
    assert!(!shown.contains("&quot;7&quot;") && shown.contains("•••"), "the arguments are masked");
    assert!(!shown.contains("style="), "nothing that the content policy refuses");
}

#[tokio::test]
async fn each_form_acts_leads_back_and_is_written_down() {
    let world = World::new().await;
    world.user("opal", &["queues:view", "queues:execute"]).await;
    let mut op = world.signed_in("opal").await;
    let (waits, died) = (pending(&world).await, dead(&world).await);
    op.get("/ops/tasks").await.expect(200);
    let list = "/ops/tasks?q=status:dead";
    for (id, action, fields, wanted) in [
        (&waits, "priority", vec![("priority", "8")], "reprioritised task "),
        (&waits, "run-now", vec![], "run-now task "),
        (&waits, "discard", vec![("reason", "not needed")], "discarded task not needed"),
        (&waits, "undo", vec![], "undone task "),
        (&waits, "cancel", vec![("reason", "not needed")], "cancelled task not needed"),
        (&died, "retry", vec![("back", list)], "retried task "),
    ] {
        let before = rows(&world).await;
        let answer = op.post(&format!("/ops/tasks/{id}/{action}"), &fields).await.expect(303);
        let back = fields.iter().find(|(name, _)| *name == "back").map(|(_, path)| (*path).to_owned());
        assert_eq!(answer.location(), back.unwrap_or_else(|| format!("/ops/tasks/{id}")), "{action}");
        assert_eq!(
            (audited(&world).await, rows(&world).await),
            (format!("change opal {wanted}"), before + 1),
            "{action}"
        );
    }
    let answer = op.post(&format!("/ops/tasks/{died}/undo"), &[("back", "//evil.example")]).await.expect(303);
    assert_eq!(answer.location(), format!("/ops/tasks/{died}"), "only ways of our own");
    assert!(
        page(&mut op, &format!("/ops/tasks/{died}")).await.contains("can be brought back for 24 h"),
        "the refusal is told"
    );
}

#[tokio::test]
async fn what_takes_away_asks_for_a_reason_and_keeps_what_was_typed() {
    let world = World::new().await;
    let mut owner = world.signed_in("owner").await;
    let waits = pending(&world).await;
    let before = rows(&world).await;
    for action in ["cancel", "discard"] {
        let path = format!("/ops/tasks/{waits}/{action}");
        assert!(page(&mut owner, &path).await.contains("Goes to the audit log."), "{action}");
        let answer = owner.post(&path, &[("reason", " "), ("back", "/ops/tasks?q=x")]).await.expect(422);
        assert!(
            answer.body.contains("Say why") && answer.body.contains(r#"value="/ops/tasks?q=x""#),
            "{}",
            answer.body
        );
    }
    let answer = owner.post(&format!("/ops/tasks/{waits}/priority"), &[("priority", "12")]).await.expect(422);
    assert!(answer.body.contains("Reprioritise"), "{}", answer.body);
    assert_eq!(rows(&world).await, before);
}

#[tokio::test]
async fn arguments_are_shown_to_who_may_see_them_and_the_look_is_kept() {
    let world = World::new().await;
    world.user("vera", &["queues:view"]).await;
    let waits = pending(&world).await;
    let path = format!("/ops/tasks/{waits}/arguments");
    let mut vera = world.signed_in("vera").await;
    assert!(page(&mut vera, &format!("/ops/tasks/{waits}")).await.contains("needs the right task-args:view"));
    let before = rows(&world).await;
    vera.post(&path, &[]).await.expect(403);
    assert_eq!(rows(&world).await, before);
    let mut owner = world.signed_in("owner").await;
    assert!(!page(&mut owner, &format!("/ops/tasks/{waits}")).await.contains("&quot;7&quot;"));
    let shown = owner.post(&path, &[]).await.expect(200).body;
    assert!(shown.contains("&quot;7&quot;") && !shown.contains("data-say-state"), "it stands still: {shown}");
    assert_eq!(audited(&world).await, "view owner viewed task arguments ");
    assert_eq!(owner.get(&path).await.expect(303).location(), format!("/ops/tasks/{waits}"));
}

#[tokio::test]
async fn who_may_only_look_has_no_buttons() {
    let world = World::new().await;
    world.user("vera", &["queues:view"]).await;
    let mut vera = world.signed_in("vera").await;
    let died = dead(&world).await;
    let list = page(&mut vera, "/ops/tasks").await;
    assert!(list.contains(&died) && !list.contains("/retry") && !list.contains(r#"class="pick""#), "{list}");
    let one = page(&mut vera, &format!("/ops/tasks/{died}")).await;
    assert!(!one.contains("Retry now") && !one.contains(r#"id="discard""#), "{one}");
    for path in ["/ops/bulk/new", "/ops/bulk/new?action=retry&q=status:dead"] {
        assert!(vera.get(path).await.expect(403).body.contains("queues:execute"));
    }
    vera.post(&format!("/ops/tasks/{died}/retry"), &[]).await.expect(403);
    page(&mut vera, "/ops/bulk").await;
}

#[tokio::test]
async fn many_are_counted_before_they_are_changed() {
    let world = World::new().await;
    world.user("opal", &["queues:view", "queues:execute"]).await;
    let mut op = world.signed_in("opal").await;
    let ids = [dead(&world).await, dead(&world).await, dead(&world).await];
    pending(&world).await;
    let before = rows(&world).await;
    let picked = format!("/ops/bulk/new?action=retry&id={}&id={}", ids[0], ids[1]);
    let shown = page(&mut op, &picked).await;
    assert!(shown.contains("Exactly 2 tasks") && shown.contains("2 tasks were picked"), "{shown}");
    assert!(shown.contains(&ids[0]) && shown.contains("Retry 2 tasks"), "{shown}");
    let shown = page(&mut op, "/ops/bulk/new?action=discard&q=queue:repair").await;
    assert!(shown.contains("Exactly 4 tasks") && shown.contains("Discard 4 tasks"), "{shown}");
    let none = page(&mut op, "/ops/bulk/new?action=run_now&q=status:dead").await;
    assert!(none.contains("No task</h2>") && !none.contains(r#"name="reason""#), "{none}");
    let wrong = op.get("/ops/bulk/new?action=retry&q=staus:dead").await.expect(422).body;
    assert!(wrong.contains("there is no key staus"), "{wrong}");
    assert_eq!(rows(&world).await, before, "looking changes nothing");

    let start = |reason: &'static str, expected: &'static str| {
        [
            ("action", "discard"),
            ("filter", "queue:repair"),
            ("reason", reason),
            ("expected", expected),
            ("priority", "5"),
        ]
    };
    let answer = op.post("/ops/bulk", &start("", "4")).await.expect(422);
    assert!(answer.body.contains("Say why") && answer.body.contains("Exactly 4 tasks"), "{}", answer.body);
    let answer = op.post("/ops/bulk", &start("over", "3")).await.expect(422);
    assert!(answer.body.contains("It would be 4 tasks by now, not 3") && answer.body.contains(r#"value="over""#));
    let answer = op.post("/ops/bulk", &start("over", "4")).await.expect(303);
    assert_eq!(audited(&world).await, "change opal started bulk operation over");
    let one = answer.location().to_owned();
    let shown = page(&mut op, &one).await;
    assert!(shown.contains("Discard 4 tasks") && shown.contains(&format!("{one}/stop")), "{shown}");
    assert!(page(&mut op, "/ops/bulk").await.contains(&one));
    op.post(&format!("{one}/stop"), &[]).await.expect(303);
    assert_eq!(audited(&world).await, "change opal stopped bulk operation ");
    assert!(page(&mut op, &one).await.contains("Somebody stopped it"));
    let answer = op.post(&format!("{one}/undo"), &[("reason", "wrong ones")]).await.expect(303);
    assert_eq!(answer.location(), one);
    assert!(page(&mut op, &one).await.contains("has discarded nothing"));
    op.post(&format!("{one}/undo"), &[("reason", "")]).await.expect(422);
}

#[tokio::test]
async fn views_are_kept_shared_renamed_and_deleted() {
    let world = World::new().await;
    world.user("opal", &["queues:view"]).await;
    world.user("vera", &["queues:view"]).await;
    let (mut opal, mut vera) = (world.signed_in("opal").await, world.signed_in("vera").await);
    opal.get("/ops/tasks").await.expect(200);
    let new = [("page", "ops/tasks"), ("query", "q=status:dead&pageSize=50"), ("name", "the-dead")];
    let answer = opal.post("/ops/views", &new).await.expect(303);
    assert_eq!(answer.location(), "/ops/tasks?q=status:dead&pageSize=50");
    assert_eq!(audited(&world).await, "change opal created saved view ");
    let answer = opal.post("/ops/views", &new).await.expect(422);
    assert!(answer.body.contains("You have a view of this name"), "{}", answer.body);
    let answer = opal.post("/ops/views", &[("page", "ops/tasks"), ("name", "no blanks")]).await.expect(422);
    assert!(answer.body.contains("f-name-err"), "{}", answer.body);
    assert!(page(&mut opal, "/ops/tasks").await.contains(">the-dead</a>"));
    assert!(!page(&mut vera, "/ops/tasks").await.contains("the-dead"), "one's own until it is shared");
    let id = world.text("select id::text from config.saved_views").await;
    let path = format!("/ops/views/{id}");
    let form = page(&mut opal, &path).await;
    let version = between(&form, r#"name="version" value=""#, r#"""#).to_owned();
    let change = [
        ("page", "ops/tasks"),
        ("query", "q=status:dead"),
        ("name", "dead"),
        ("shared", "true"),
        ("version", &version),
    ];
    assert_eq!(opal.post(&path, &change).await.expect(303).location(), "/ops/views");
    assert!(opal.post(&path, &change).await.expect(422).body.contains("changed after you opened it"));
    assert!(page(&mut vera, "/ops/tasks").await.contains("dead <span"));
    assert!(!page(&mut vera, "/ops/views").await.contains(&format!("{path}/delete")));
    assert_eq!(vera.post(&format!("{path}/delete"), &[]).await.expect(303).location(), "/ops/views");
    assert!(page(&mut vera, "/ops/views").await.contains("belongs to opal"), "the refusal is told");
    opal.post(&format!("{path}/delete"), &[]).await.expect(303);
    assert_eq!(audited(&world).await, "change opal deleted saved view ");
    assert!(page(&mut opal, "/ops/views").await.contains("No view is saved yet."));
}
