//! Job errors, by API and page. What finds and carries out is the dispatcher's, and is tested there.
use axum::http::Method;
use serde_json::{Value, json};

use crate::support::World;

const API: &str = "/api/health/job-errors";
const PAGE: &str = "/health/job-errors";
const EDGE: &str = "019b76a0-0000-7000-8000-0000000000e1";
const SPARE: &str = "019b76a0-0000-7000-8000-0000000000e2";

/// Two scanners, a scan with two jobs of the first, and what is wrong with them: ids of `no-heartbeat` of job 1,
/// `scanner-disabled` of job 2, and an `expired` one.
async fn troubled() -> (World, [&'static str; 3]) {
    let world = World::new().await;
    world
        .tamper(
            "insert into config.scanners (id, name, status, last_heartbeat_at, first_heartbeat_at, created_by, bound_ip) values
               ('019b76a0-0000-7000-8000-0000000000e1', 'edge', 'offline', now() - interval '1 hour', now(), 'test', '192.0.2.1'),
               ('019b76a0-0000-7000-8000-0000000000e2', 'spare', 'active', now(), now(), 'test', null);
             insert into results.scans (id, template_id, template_name, started_by, requested_at, seed, status, started_at, planning_finished_at,
               scope, scope_hash)
             overriding system value
             values (7, gen_random_uuid(), 'nightly', 'olga', now(), decode(repeat('00', 16), 'hex'), 'running', now(), now(),
               '\\x00', decode(repeat('00', 32), 'hex'));
             insert into jobs.scan_jobs (id, scan_id, scanner_id, batch_no, spec, signature, spec_expires_at, scope_hash, max_probes_per_second,
               estimated_seconds, hosts_planned, probes_planned, failed_leases)
             overriding system value
             select n, 7, '019b76a0-0000-7000-8000-0000000000e1', n, '{}', decode(repeat('00', 64), 'hex'), now() + interval '1 day',
               decode(repeat('00', 32), 'hex'), 0, 60, 1, 10, 1 from generate_series(1, 2) n;
             insert into jobs.job_errors (state_id, job_id, scan_id, scanner_id, class, category, context, opened_at) values
               ('019b76a0-0000-7000-8000-000000000001', 1, 7, '019b76a0-0000-7000-8000-0000000000e1', 'no-heartbeat', 'connectivity',
                '{\"failedLeases\": 1, \"lastHeartbeatAt\": \"2026-01-05T12:00:00Z\"}', now() - interval '3 min'),
               ('019b76a0-0000-7000-8000-000000000002', 2, 7, '019b76a0-0000-7000-8000-0000000000e1', 'scanner-disabled', 'scanner', '{}', now() - interval '2 min'),
               ('019b76a0-0000-7000-8000-000000000003', 3, 6, '019b76a0-0000-7000-8000-0000000000e9', 'expired', 'orchestration', '{}', now() - interval '1 min')",
        )
        .await;
    let ids = [
        "019b76a0-0000-7000-8000-000000000001",
        "019b76a0-0000-7000-8000-000000000002",
        "019b76a0-0000-7000-8000-000000000003",
    ];
    (world, ids)
}

fn repair(action: &str) -> Option<Value> {
    Some(json!({ "action": action, "reason": "as the handbook says" }))
}

#[tokio::test]
async fn they_are_listed_filtered_and_read() {
    let (world, [silent, _, expired]) = troubled().await;
    world.user("vera", &["viewer"]).await;
    let mut browser = world.signed_in("vera").await;
    let list = browser.get(&format!("{API}?sort=opened")).await.expect(200).json();
    assert_eq!(list["total"], 3);
    let first = &list["items"][0];
    assert_eq!(
        (&first["class"], &first["state"], &first["scanner"]),
        (&json!("no-heartbeat"), &json!("open"), &json!("edge"))
    );
    assert_eq!((&first["jobStatus"], &first["template"]), (&json!("pending"), &json!("nightly")));
    assert_eq!(first["offers"], json!(["drain", "reassign", "fail"]), "the recommended one first");
    for (query, total) in [
        ("class=no-heartbeat,expired", 2),
        ("category=scanner", 1),
        ("scanner=edge", 2),
        ("scan=7", 2),
        ("job=3", 1),
        ("state=resolved", 0),
        ("q=nightly", 2),
        ("scannerId=019b76a0-0000-7000-8000-0000000000e9", 1),
    ] {
        assert_eq!(browser.get(&format!("{API}?{query}")).await.expect(200).json()["total"], total, "{query}");
    }
    assert_eq!(browser.get(&format!("{API}?class=bored")).await.expect(422).fields(), ["class"]);
    let names = browser.get(&format!("{API}/filter-values?column=scanner")).await.expect(200).json();
    assert_eq!(names["values"], json!(["019b76a0-0000-7000-8000-0000000000e9", "edge"]));
    let one = browser.get(&format!("{API}/{silent}")).await.expect(200).json();
    assert_eq!((&one["context"]["failedLeases"], &one["repairs"]), (&json!(1), &json!([])));
    let gone = browser.get(&format!("{API}/{expired}")).await.expect(200).json();
    assert_eq!((&gone["offers"], &gone["scanner"], &gone["jobStatus"]), (&json!([]), &Value::Null, &Value::Null));
    browser.get(&format!("{API}/{EDGE}")).await.expect(404);
    browser.api(Method::POST, &format!("{API}/{silent}/repair"), repair("drain")).await.expect(403);
}

#[tokio::test]
async fn a_repair_is_asked_for_once_with_a_task_an_audit_row_and_a_live_event() {
    let (world, [silent, _, expired]) = troubled().await;
    world.user("olga", &["operator"]).await;
    let mut browser = world.signed_in("olga").await;
    let path = format!("{API}/{silent}/repair");
    for (body, field) in [
        (json!({ "action": "explode", "reason": "x" }), "action"),
        (json!({ "action": "redispatch", "reason": "x" }), "action"),
        (json!({ "action": "drain", "reason": "  " }), "reason"),
        (json!({ "action": "drain", "reason": "x".repeat(1001) }), "reason"),
        (json!({ "action": "drain", "reason": "a\u{7}b" }), "reason"),
        (json!({ "action": "reassign", "reason": "x" }), "scannerId"),
        (json!({ "action": "reassign", "reason": "x", "scannerId": EDGE }), "scannerId"),
        (json!({ "action": "drain", "reason": "x", "scannerId": SPARE }), "scannerId"),
        (json!({ "action": "drain", "reason": "x", "force": true }), "force"),
    ] {
        let answer = browser.api(Method::POST, &path, Some(body.clone())).await.expect(422);
        assert_eq!(answer.fields(), [field], "{body}");
    }
    assert_eq!(world.number("select count(*) from jobs.tasks").await, 0);
    let none = browser.api(Method::POST, &format!("{API}/{expired}/repair"), repair("fail")).await.expect(422);
    assert_eq!(none.fields(), ["action"]);

    let body = json!({ "action": "reassign", "scannerId": SPARE, "reason": "edge is gone" });
    let asked = browser.api(Method::POST, &path, Some(body)).await.expect(202).json();
    let history = &asked["repairs"][0];
    assert_eq!(
        (&history["action"], &history["scanner"], &history["by"], &history["state"]),
        (&json!("reassign"), &json!("spare"), &json!("olga"), &json!("asked"))
    );
    assert_eq!(browser.api(Method::POST, &path, repair("drain")).await.expect(409).code(), "REPAIR_PENDING");
    assert_eq!(
        world.text("select kind || ' ' || (payload -> 'ids' ->> 'jobErrorId') from jobs.tasks").await,
        format!("repair_job {silent}")
    );
    assert_eq!(
        world.text("select concat_ws(' ', actor, action, resource_type, reason) from config.audit_events order by seq desc limit 1").await,
        "olga repair requested job-error edge is gone"
    );
    assert_eq!(world.number("select count(*) from config.live_events where topic = 'job-errors'").await, 1);
    world.tamper("update jobs.job_errors set repairs = '[]', resolved_at = now(), resolved_by = 'system'").await;
    assert_eq!(browser.api(Method::POST, &path, repair("drain")).await.expect(409).code(), "RESOLVED");
}

#[tokio::test]
async fn a_new_token_needs_the_right_to_it_and_the_password_and_is_shown_once() {
    let (world, [silent, ..]) = troubled().await;
    world.tamper("update jobs.job_errors set class = 'failed-scanner-auth', category = 'auth' where job_id = 1").await;
    world.user("olga", &["operator"]).await;
    let path = format!("{API}/{silent}/repair");
    let mut operator = world.signed_in("olga").await;
    let refused = operator.api(Method::POST, &path, repair("regenerate_token")).await.expect(403);
    assert_eq!((refused.code().as_str(), &refused.json()["right"]), ("FORBIDDEN", &json!("scanners:manage")));
    let mut owner = world.signed_in("owner").await;
    let answer = owner.api(Method::POST, &path, repair("regenerate_token")).await.expect(200).json();
    assert!(answer["token"].as_str().expect("a token").starts_with("mipo_pt_"), "{answer}");
    world.clock.advance(chrono::TimeDelta::minutes(6));
    let old = owner.api(Method::POST, &path, repair("regenerate_token")).await.expect(403);
    assert_eq!(old.code(), "REAUTH_REQUIRED");
    assert_eq!(world.number("select count(*) from jobs.tasks").await, 0, "nothing is left to carry out");
    let kept = "select (repairs -> 0 ->> 'state') || ' ' || (repairs::text like '%mipo_pt_%') from jobs.job_errors where job_id = 1";
    assert_eq!(world.text(kept).await, "done false", "the history holds no secret");
}

#[tokio::test]
async fn many_are_repaired_at_once() {
    let (world, [silent, disabled, expired]) = troubled().await;
    world.user("olga", &["operator"]).await;
    let mut browser = world.signed_in("olga").await;
    let path = format!("{API}/bulk-repair");
    let body = |ids: Value, action: &str, expected: Value| {
        Some(json!({ "stateIds": ids, "action": action, "reason": "gone for good", "expectedCount": expected }))
    };
    for (ids, action, field) in [
        (json!([]), "fail", "stateIds"),
        (json!([silent]), "regenerate_token", "action"),
        (json!([expired]), "fail", "stateIds"),
    ] {
        let answer = browser.api(Method::POST, &path, body(ids, action, Value::Null)).await.expect(422);
        assert_eq!(answer.fields(), [field]);
    }
    let all = json!([silent, disabled, expired, EDGE]);
    let changed = browser.api(Method::POST, &path, body(all.clone(), "fail", json!(4))).await.expect(409);
    assert_eq!(changed.code(), "COUNT_CHANGED");
    assert_eq!(world.number("select count(*) from jobs.tasks").await, 0);
    let done = browser.api(Method::POST, &path, body(all, "fail", json!(2))).await.expect(202).json();
    assert_eq!(done["asked"], 2);
    let left: Vec<&str> =
        done["leftOut"].as_array().expect("a list").iter().map(|one| one["stateId"].as_str().expect("an id")).collect();
    assert_eq!(left, [expired, EDGE]);
    assert_eq!(
        world.text("select kind || ' ' || jsonb_array_length(payload -> 'ids' -> 'jobErrorIds') from jobs.tasks").await,
        "bulk_repair 2"
    );
    assert_eq!(world.number("select count(*) from jobs.job_errors where repairs -> 0 ->> 'state' = 'asked'").await, 2);
}

#[tokio::test]
async fn the_pages_show_what_is_wrong_and_what_helps() {
    let (world, [silent, disabled, expired]) = troubled().await;
    world.user("olga", &["operator"]).await;
    world.user("vera", &["viewer"]).await;
    let mut viewer = world.signed_in("vera").await;
    let list = viewer.get(PAGE).await.expect(200).body;
    assert!(list.contains("3 job errors") && list.contains("no-heartbeat") && !list.contains("bulk-repair"), "{list}");
    assert!(viewer.get(&format!("{PAGE}?state=resolved")).await.expect(200).body.contains("No job error matches."));
    let page = viewer.get(&format!("{PAGE}/{silent}")).await.expect(200).body;
    assert!(page.contains("Last heartbeat") && page.contains("Repairing needs the right job-errors:execute"), "{page}");

    let mut browser = world.signed_in("olga").await;
    let path = format!("{PAGE}/{silent}");
    let page = browser.get(&path).await.expect(200).body;
    let place = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words} is missing: {page}"));
    assert!(
        place(r#"value="drain""#) < place(r#"value="reassign""#)
            && place("Recommended.") < place(r#"value="reassign""#)
    );
    assert!(
        page.contains(&format!(r#"<option value="{SPARE}">spare"#))
            && !page.contains(&format!(r#"<option value="{EDGE}""#))
    );
    let refused =
        browser.post(&format!("{path}/repair"), &[("action", "reassign"), ("reason", "typed <b>")]).await.expect(422);
    assert!(refused.body.contains("Choose the scanner that is to go on with it."), "{}", refused.body);
    assert!(
        refused.body.contains("typed &#60;b&#62;") || refused.body.contains("typed &lt;b&gt;"),
        "what was typed is kept"
    );
    browser
        .post(&format!("{path}/repair"), &[("action", "drain"), ("reason", "cable"), ("scannerId", "")])
        .await
        .expect(303);
    let page = browser.get(&path).await.expect(200).body;
    assert!(
        page.contains("Drain the scanner is asked for.")
            && page.contains("asked for by olga")
            && page.contains("cable"),
        "{page}"
    );
    let page = browser.get(&format!("{PAGE}/{expired}")).await.expect(200).body;
    assert!(page.contains("run the scan again") && !page.contains(r#"name="action""#), "{page}");

    // Of three picked ones only one is open, offers it and has no repair pending.
    let ask = format!("{PAGE}/bulk-repair?id={silent}&id={disabled}&id={expired}");
    let page = browser.get(&ask).await.expect(200).body;
    assert!(
        page.contains("3 job errors were picked")
            && page.contains("helps with 1 of 3")
            && page.contains("helps with none of them"),
        "{page}"
    );
    let page = browser.get(&format!("{ask}&action=fail")).await.expect(200).body;
    assert!(page.contains("Exactly 1 job error"), "{page}");
    let page = browser
        .get(&format!("{PAGE}/bulk-repair?all=true&query=class%3Dscanner-disabled&action=fail"))
        .await
        .expect(200)
        .body;
    assert!(page.contains("1 job error was picked") && page.contains("Exactly 1 job error"), "{page}");
    let sent = [("id", disabled), ("action", "fail"), ("scannerId", ""), ("expected", "2"), ("reason", "gone")];
    let refused = browser.post(&format!("{PAGE}/bulk-repair"), &sent).await.expect(422);
    assert!(refused.body.contains("It would be 1 by now, not 2."), "{}", refused.body);
    let sent = [("id", disabled), ("action", "fail"), ("scannerId", ""), ("expected", "1"), ("reason", "gone")];
    browser.post(&format!("{PAGE}/bulk-repair"), &sent).await.expect(303);
    assert_eq!(world.number("select count(*) from jobs.tasks where kind = 'bulk_repair'").await, 1);
}

#[tokio::test]
async fn each_job_of_a_scan_says_what_it_waits_for() {
    let (world, [silent, ..]) = troubled().await;
    let mut browser = world.signed_in("owner").await;
    let jobs = browser.get("/api/scans/7/jobs").await.expect(200).json();
    let of = |n: usize| (jobs["items"][n]["waitingFor"].clone(), jobs["items"][n]["jobErrorId"].clone());
    assert_eq!(of(0), (json!("scanner_offline"), json!(silent)));
    let page = browser.get("/scans/7/jobs").await.expect(200).body;
    assert!(page.contains("edge to return, silent for") && page.contains(&format!("{PAGE}/{silent}")), "{page}");

    world.tamper("update config.scanners set status = 'active'; update jobs.job_errors set resolved_at = now(), resolved_by = 'system'").await;
    let jobs = browser.get("/api/scans/7/jobs?sort=id").await.expect(200).json();
    assert_eq!((&jobs["items"][0]["waitingFor"], &jobs["items"][1]["waitingFor"]), (&json!("fetch"), &json!("turn")));
    assert_eq!(jobs["items"][1]["ahead"], 1);
    let page = browser.get("/scans/7/jobs").await.expect(200).body;
    assert!(page.contains("the next call of edge") && page.contains("1 job of edge before it"), "{page}");
    world.tamper("update jobs.scan_jobs set hold_reasons = '{operator}', status = 'paused'").await;
    assert!(browser.get("/scans/7/jobs").await.expect(200).body.contains("an operator, who paused the scan"));
}

#[tokio::test]
async fn home_leads_to_them() {
    let (world, _) = troubled().await;
    let home = world.signed_in("owner").await.get("/").await.expect(200).body;
    assert!(
        home.contains("3 scan job errors want a repair.") && home.contains("/health/job-errors?state=open"),
        "{home}"
    );
}
