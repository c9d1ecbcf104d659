//! Starting, reading and controlling scans.
use axum::http::StatusCode;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_template_is_run_by_form_and_shows_up_everywhere() {
    let world = World::new().await;
    let owner = world.owner().await;
    let scanner = world.scanner("berlin").await;
    let template = world.template("office", "10.0.0.0/30", scanner).await;

    let run = owner.get("/scans/run").await;
    assert!(run.text.contains("office") && run.text.contains("berlin"), "{}", run.text);

    let started = owner.form("/scans/run", &[("templateId", &template.to_string()), ("reason", "a look")]).await;
    assert_eq!((started.status, started.location()), (StatusCode::SEE_OTHER, "/scans/1"), "{}", started.text);

    let page = owner.get("/scans/1").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("#1 office") && page.text.contains("Pending") && page.text.contains("a look"));
    for path in ["/", "/scans/recent", "/scans/1/results", "/scans/1/changes", "/scans/1/jobs", "/scans/1/cancel"] {
        let page = owner.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        assert!(page.text.contains("office"), "{path}: {}", page.text);
    }
    let tasks: i64 = sqlx::query_scalar("select count(*) from jobs.tasks where kind = 'plan_scan'")
        .fetch_one(&world.root)
        .await
        .unwrap();
    assert_eq!(tasks, 1);
    let audited: (String, String) = sqlx::query_as(
        "select actor, reason from config.audit_events where action = 'started' and resource_type = 'scan'",
    )
    .fetch_one(&world.root)
    .await
    .unwrap();
    assert_eq!(audited, ("owner".to_owned(), "a look".to_owned()));
}

#[tokio::test]
async fn typed_targets_and_ports_are_enough() {
    let world = World::new().await;
    let owner = world.owner().await;
    world.scanner("berlin").await;
    let body = json!({ "targets": ["127.0.0.1", "10.0.0.0/30"], "ports": "22,80,8000-8100" });
    let started = owner.post("/api/scans", body).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text);
    let id = started.json()["scanId"].as_i64().unwrap();
    assert_eq!(started.location(), format!("/api/scans/{id}"));

    let scan = owner.get(&format!("/api/scans/{id}")).await.json();
    assert_eq!((&scan["status"], &scan["adhoc"]), (&json!("pending"), &json!(true)), "{scan}");
    let started = owner.form("/scans/run", &[("targets", "127.0.0.1"), ("ports", "22")]).await;
    assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.text);
}

#[tokio::test]
async fn wrong_input_is_named_and_nothing_is_stored() {
    let world = World::new().await;
    let owner = world.owner().await;
    world.scanner("berlin").await;
    for (body, fields) in [
        (json!({}), vec!["templateId"]),
        (json!({ "templateId": "x" }), vec!["templateId"]),
        (json!({ "templateId": "0190f1a5-0000-7000-8000-000000000000" }), vec!["templateId"]),
        (json!({ "templateId": "x", "targets": ["::1"] }), vec!["templateId"]),
        (json!({ "targets": ["10.0.0.1/8"], "ports": "70000" }), vec!["targets", "ports"]),
        (json!({ "targets": ["::1"], "ports": "22", "scanners": ["nobody"] }), vec!["scanners[0]"]),
        (json!({ "targets": ["::1"], "ports": "22", "colour": 1 }), vec!["colour"]),
        (json!({ "targets": ["::1"], "ports": "" }), vec!["ports"]),
    ] {
        let refused = owner.post("/api/scans", body.clone()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", refused.text);
        let told = refused.json();
        let named: Vec<_> = told["fields"].as_array().unwrap().iter().map(|f| f["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields, "{body}: {told}");
    }
    let page = owner.form("/scans/run", &[("targets", "10.0.0.1/8 x_y"), ("ports", "70000")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("Not saved.") && page.text.contains("10.0.0.1/8 x_y"), "what was typed stays");
    assert!(page.text.contains(r##"href="#f-targets""##) && page.text.contains(r#"id="f-ports-err""#), "{}", page.text);
    let scans: i64 = sqlx::query_scalar("select count(*) from results.scans").fetch_one(&world.root).await.unwrap();
    assert_eq!(scans, 0);
}

#[tokio::test]
async fn a_repeated_start_is_one_scan() {
    let world = World::new().await;
    let owner = world.owner().await;
    world.scanner("berlin").await;
    let body = json!({ "targets": ["127.0.0.1"], "ports": "22" });
    let first = owner.post_once("/api/scans", "k1", body.clone()).await;
    let again = owner.post_once("/api/scans", "k1", body).await;
    assert_eq!((again.status, again.json()), (first.status, first.json()));
    let other = owner.post_once("/api/scans", "k1", json!({ "targets": ["127.0.0.2"], "ports": "22" })).await;
    assert_eq!((other.status, other.json()["code"].clone()), (StatusCode::CONFLICT, json!("KEY_REUSED")));
    let scans: i64 = sqlx::query_scalar("select count(*) from results.scans").fetch_one(&world.root).await.unwrap();
    assert_eq!(scans, 1);
}

#[tokio::test]
async fn a_viewer_reads_and_starts_nothing() {
    let world = World::new().await;
    let owner = world.owner().await;
    world.scanner("berlin").await;
    owner.post("/api/scans", json!({ "targets": ["127.0.0.1"], "ports": "22" })).await;
    let viewer = world.person("mia", "viewer").await;
    let refused = viewer.post("/api/scans", json!({ "targets": ["127.0.0.1"], "ports": "22" })).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    assert_eq!(
        viewer.form("/scans/run", &[("targets", "127.0.0.1"), ("ports", "22")]).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(viewer.get("/scans/run").await.status, StatusCode::FORBIDDEN);
    for action in ["pause", "resume", "cancel"] {
        let refused = viewer.post(&format!("/api/scans/1/{action}"), json!({ "reason": "x" })).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{action}");
        let refused = viewer.form(&format!("/scans/1/{action}"), &[("reason", "x")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{action}");
    }
    let page = viewer.get("/scans/1").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        !page.text.contains("/scans/1/pause") && !page.text.contains("/scans/1/cancel"),
        "no button that is refused"
    );
    assert_eq!(viewer.get("/api/scans/1/results").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_scan_is_paused_resumed_and_called_off() {
    let world = World::new().await;
    let owner = world.owner().await;
    world.scanner("berlin").await;
    owner.post("/api/scans", json!({ "targets": ["127.0.0.1"], "ports": "22" })).await;
    let paused = owner.post("/api/scans/1/pause", json!({ "reason": "maintenance" })).await;
    assert_eq!(paused.json()["status"], "paused", "{}", paused.text);
    assert_eq!(owner.post("/api/scans/1/pause", json!({})).await.status, StatusCode::CONFLICT);
    let resumed = owner.form("/scans/1/resume", &[]).await;
    assert_eq!((resumed.status, resumed.location()), (StatusCode::SEE_OTHER, "/scans/1"), "{}", resumed.text);

    let without = owner.form("/scans/1/cancel", &[("reason", " ")]).await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY, "a reason is asked for");
    let done = owner.form("/scans/1/cancel", &[("reason", "wrong target")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let scan = owner.get("/api/scans/1").await.json();
    assert!(["cancelling", "cancelled"].contains(&scan["status"].as_str().unwrap()), "{scan}");
}

/// Two scans of one template by one scanner: 22 stays open, 80 closes, 443 opens, 8080 was not covered before.
async fn two_scans(world: &World) {
    let scanner = world.scanner("berlin").await;
    let template = world.template("office", "10.0.0.0/30", scanner).await;
    let seed = vec![7_u8; 16];
    for (at, ports, changes) in [("2026-01-05 10:00Z", 2, 0), ("2026-01-05 11:00Z", 3, 2)] {
        sqlx::query(
            "insert into results.scans (template_id, template_name, status, started_by, requested_at, started_at, completed_at,
               seed, hosts_planned, probes_planned, open_count, change_count)
             values ($1, 'office', 'completed', 'owner', $2::text::timestamptz, $2::text::timestamptz, $2::text::timestamptz + interval '90 s', $3, 1, 4, $4, $5)",
        )
        .bind(template.as_uuid())
        .bind(at)
        .bind(&seed)
        .bind(i64::from(ports))
        .bind(i64::from(changes))
        .execute(&world.root)
        .await
        .unwrap();
    }
    sqlx::raw_sql(
        "select results.ensure_partitions('2026-01-01', '2026-01-31');
         insert into results.port_sets (id, ports, count) values
           (decode(repeat('01', 32), 'hex'), '{[22,23),[80,81),[443,444)}', 3),
           (decode(repeat('02', 32), 'hex'), '{[22,23),[80,81),[443,444),[8080,8081)}', 4);",
    )
    .execute(&world.root)
    .await
    .unwrap();
    for (scan, set, open) in [(1_i64, "01", vec![22, 80]), (2, "02", vec![22, 443, 8080])] {
        sqlx::query(
            "insert into results.coverage (at, scan_id, job_id, scanner_id, ip, protocol, port_set_id, default_state, other_ports,
               open_count, closed_count, filtered_count, error_count, not_probed_count)
             select '2026-01-05 11:00Z', $1, $1, $2, '10.0.0.1', 'tcp', decode(repeat($3, 32), 'hex'), 'filtered',
               '{[80,81)}', cardinality($4::int[]), 1, 0, 0, 1",
        )
        .bind(scan)
        .bind(scanner.as_uuid())
        .bind(set)
        .bind(&open)
        .execute(&world.root)
        .await
        .unwrap();
        sqlx::query(
            "insert into results.open_observations (at, scan_id, job_id, scanner_id, ip, port, protocol, rtt_us, tries, service)
             select '2026-01-05 11:00Z', $1, $1, $2, '10.0.0.1', port, 'tcp', 340, 1, '<b>ssh</b>' from unnest($3::int[]) port",
        )
        .bind(scan)
        .bind(scanner.as_uuid())
        .bind(&open)
        .execute(&world.root)
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn findings_can_be_narrowed_sorted_and_are_never_html() {
    let world = World::new().await;
    let owner = world.owner().await;
    two_scans(&world).await;
    let found = owner.get("/api/scans/2/results?sort=-port").await.json();
    let ports: Vec<_> = found["items"].as_array().unwrap().iter().map(|f| f["port"].as_i64().unwrap()).collect();
    assert_eq!(ports, [8080, 443, 22], "{found}");
    assert_eq!((&found["total"], &found["verdicts"]["notTested"]), (&json!(3), &json!(1)), "{found}");
    for (query, total) in
        [("port=22", 1), ("ip=10.0.0.0/24", 3), ("ip=10.9.0.0/16", 0), ("q=443", 1), ("scanner=nobody", 0)]
    {
        let found = owner.get(&format!("/api/scans/2/results?{query}")).await.json();
        assert_eq!(found["total"], total, "{query}: {found}");
    }
    let refused = owner.get("/api/scans/2/results?ip=x&port=0").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);

    let page = owner.get("/scans/2/results?sort=-port").await;
    assert!(page.text.contains("&lt;b&gt;ssh") || page.text.contains("&#60;b&#62;ssh"), "{}", page.text);
    assert!(!page.text.contains("<b>ssh"));
    assert!(page.text.contains("not tested"), "what was not tested is always said");
    let views: i64 = sqlx::query_scalar("select count(*) from config.audit_events where kind = 'view'")
        .fetch_one(&world.root)
        .await
        .unwrap();
    assert!(views >= 1, "looking at results is written down");
}

#[tokio::test]
async fn the_difference_of_two_scans_says_what_opened_and_closed() {
    let world = World::new().await;
    let owner = world.owner().await;
    two_scans(&world).await;
    let diff = owner.get("/api/scans/2/changes").await.json();
    assert_eq!(diff["againstScanId"], 1);
    let rows: Vec<_> = diff["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["port"].as_i64().unwrap(),
                row["kind"].as_str().unwrap(),
                row["previousState"].as_str(),
                row["currentState"].as_str(),
            )
        })
        .collect();
    assert_eq!(rows.len(), 3, "22 is open in both: {diff}");
    assert!(rows.contains(&(443, "opened", Some("filtered"), Some("open"))), "{diff}");
    assert!(rows.contains(&(80, "closed", Some("open"), Some("closed"))), "{diff}");
    assert!(rows.contains(&(8080, "not_comparable", None, Some("open"))), "{diff}");

    let page = owner.get("/scans/2/changes").await;
    for words in ["Opened", "Closed or filtered", "Not comparable"] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    assert!(owner.get("/scans/1/changes").await.text.contains("Nothing to compare with."));
    assert!(owner.get("/scans/1/changes?against=2").await.text.contains("#2"));
    assert_eq!(owner.get("/api/scans/2/changes?against=99").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn lists_hold_their_whole_state_in_the_address() {
    let world = World::new().await;
    let owner = world.owner().await;
    two_scans(&world).await;
    let listed = owner.get("/api/scans?status=completed&sort=id&pageSize=1&page=2").await.json();
    assert_eq!((&listed["total"], &listed["items"][0]["id"], &listed["pageSize"]), (&json!(2), &json!(2), &json!(1)));
    assert_eq!(owner.get("/api/scans?template=OFFICE").await.json()["total"], 2);
    assert_eq!(owner.get("/api/scans?from=2026-01-06").await.json()["total"], 0);
    assert_eq!(owner.get("/api/scans?to=2026-01-05").await.json()["total"], 2);
    assert_eq!(owner.get("/api/scans?q=%232").await.json()["total"], 1);
    for wrong in ["from=yesterday", "sort=colour", "page=0", "colour=red"] {
        assert_eq!(owner.get(&format!("/api/scans?{wrong}")).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    let history = owner.get("/scans/history?status=completed&startedBy=owner&sort=-openPorts").await;
    assert!(history.text.contains("office") && history.text.contains("1 min 30 s"), "{}", history.text);
    assert!(owner.get("/scans/history?status=failed").await.text.contains("No scan matches."));
    assert_eq!(owner.get("/api/scans/filter-values?column=startedBy").await.json()["values"], json!(["owner"]));
    assert_eq!(owner.get("/api/scans/9").await.status, StatusCode::NOT_FOUND);
    assert_eq!(owner.get("/scans/nine").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_named_and_shows_nothing() {
    let world = World::new().await;
    let owner = world.owner().await;
    let scanner = world.scanner("berlin").await;
    let template = world.template("office", "10.0.0.0/30", scanner).await;
    owner.form("/scans/run", &[("templateId", &template.to_string())]).await;
    for (path, field) in [
        ("/scans/1/results?ip=nowhere", "f-ip-err"),
        ("/scans/1/results?port=70000", "f-port-err"),
        ("/scans/1/changes?against=abc", "f-against-err"),
        ("/scans/1/changes?against=999", "f-against-err"),
        ("/scans/history?from=soon", "f-from-err"),
        ("/scans/history?to=2030-02-31", "f-to-err"),
    ] {
        let page = owner.get(path).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {}", page.text);
        assert!(page.text.contains(field) && page.text.contains(r#"aria-invalid="true""#), "{path}: {}", page.text);
        assert!(page.text.contains("Nothing was"), "{path}: {}", page.text);
    }
}

#[tokio::test]
async fn a_page_beyond_the_end_leads_to_the_last_one() {
    let world = World::new().await;
    let owner = world.owner().await;
    for n in 0..3 {
        world.scanner(&format!("s{n}")).await;
    }
    let answer = owner.get("/config/scanners?page=9&pageSize=2&sort=-name").await;
    assert_eq!(answer.location(), "/config/scanners?sort=-name&pageSize=2&page=2");
    assert_eq!(owner.get("/config/scanners?page=9").await.location(), "/config/scanners");
    let none = owner.get("/config/subnets?page=9").await;
    assert_eq!(none.status, StatusCode::OK, "there is nothing to lead to");
}

#[tokio::test]
async fn looks_at_results_are_written_down_and_figures_are_for_those_who_may_see_results() {
    let world = World::new().await;
    let owner = world.owner().await;
    let scanner = world.scanner("berlin").await;
    let template = world.template("office", "10.0.0.0/30", scanner).await;
    owner.form("/scans/run", &[("templateId", &template.to_string())]).await;
    let looks = || async {
        sqlx::query_scalar::<_, i64>(
            "select count(*) from config.audit_events where action = 'viewed' and resource_type = 'results'",
        )
        .fetch_one(&world.root)
        .await
        .unwrap()
    };
    for (n, path) in [
        "/scans/1",
        "/scans/1/results",
        "/scans/1/changes",
        "/api/scans/1/results",
        "/api/scans/1/results?page=2",
        "/api/scans/1/changes",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(owner.get(path).await.status, StatusCode::OK, "{path}");
        assert_eq!(looks().await, n as i64 + 1, "{path}");
    }
    owner.region("/scans/1", "overview").await;
    assert_eq!(looks().await, 6, "a region that is fetched anew is no other look");

    let mut tx = world.root.begin().await.unwrap();
    for sql in [
        "insert into config.roles (id, name, scopes) values (gen_random_uuid(), 'planner', '{scans:view,scanners:view}')",
        "update results.scans set open_count = 5, change_count = 2",
    ] {
        sqlx::query(sql).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    let planner = world.person("planner", "planner").await;
    let progress = planner.get("/api/scans/1/progress").await.json();
    assert_eq!(progress["openPorts"], json!(null), "{progress}");
    let scan = planner.get("/api/scans/1").await.json();
    assert_eq!((&scan["openPorts"], &scan["changes"]), (&json!(null), &json!(null)), "{scan}");
    let home = planner.get("/").await;
    assert!(!home.text.contains("Open ports known") && home.text.contains("Scanners active"), "{}", home.text);
    assert_eq!(looks().await, 6, "nothing of results was shown");
}
