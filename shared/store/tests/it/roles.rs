//! Least privilege (product S17): what the role of each service may not do, statement by statement, and that it may do
//! what is next to it. Each statement runs in a transaction that is rolled back.
use std::borrow::Cow;

use mipo_testkit::World;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;

const PRIVILEGE: &str = "42501";

/// The SQLSTATE of a statement as one role; none when it is done.
async fn outcome(pool: &PgPool, sql: &str) -> Option<String> {
    let mut tx = pool.begin().await.expect("begins");
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await;
    tx.rollback().await.expect("rolls back");
    let error = done.err()?;
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(Cow::into_owned);
    Some(code.unwrap_or_else(|| panic!("{sql}: {error}")))
}

/// Every role of a service, and what the privilege is about.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "mipo_ingest",
        &[
            "select from config.users",
            "select from config.sessions",
            "select from config.user_api_tokens",
            "select from config.audit_events",
            "select from config.notification_channels",
            "select private_key from config.signing_keys",
            "select oidc_secret from config.settings",
            "update config.scanners set name = 'x'",
            "update config.scanners set rate_limit = 0",
            "update config.scanners set binding_mode = 'none'",
            "insert into config.scanners (id, name, created_by) values (gen_random_uuid(), 'x', 'x')",
            "update config.provisioning_tokens set expires_at = now()",
            "update config.exclusions set enabled = false, disabled_reason = 'x'",
            "update results.scans set seed = ''",
            "update results.scans set requested_at = now()",
            "delete from results.scans",
            "update jobs.scan_jobs set spec = ''",
            "update jobs.scan_jobs set signature = ''",
            "update jobs.scan_jobs set scanner_id = gen_random_uuid()",
            "update jobs.scan_jobs set scope_hash = ''",
            "delete from jobs.scan_jobs",
            "update jobs.result_parts set payload = ''",
            "delete from jobs.result_parts",
            "insert into results.receipts default values",
            "insert into results.port_current default values",
        ],
    ),
    (
        "mipo_dispatcher",
        &[
            "select from config.users",
            "select id_hash from config.sessions",
            "select token_hash from config.setup_tokens",
            "select from config.audit_events",
            "select answer from config.idempotency_keys",
            "select content from config.exports",
            "select oidc_secret from config.settings",
            "select from config.notification_channels",
            "update config.scanners set api_key_hash = ''",
            "update config.schedules set enabled = false",
            "update config.exclusions set enabled = false, disabled_reason = 'x'",
            "delete from results.scans",
            "update results.scans set started_by = 'x'",
            "update results.scans set requested_at = now()",
            "update results.receipts set final_status = 'completed'",
            "delete from results.receipts",
            "update results.test_outcomes set outcome = 'pass'",
            "delete from results.test_outcomes",
            "update results.port_changes set confirmed = true",
            "delete from results.coverage",
            "delete from results.open_observations",
        ],
    ),
    (
        "mipo_manager",
        &[
            "select private_key from config.signing_keys",
            "insert into config.signing_keys default values",
            "update config.signing_keys set retired_at = now()",
            "update jobs.scan_jobs set spec = ''",
            "update jobs.scan_jobs set resume_index = 0",
            "delete from jobs.scan_jobs",
            "insert into jobs.result_parts default values",
            "update results.scans set seed = ''",
            "delete from results.scans",
            "insert into results.receipts default values",
            "update results.receipts set no_change = true",
            "delete from results.port_current",
            "insert into config.alarms default values",
            "delete from config.system_events",
        ],
    ),
    (
        "mipo_backup",
        &[
            "update config.users set enabled = false",
            "update config.scanners set name = 'x'",
            "delete from results.scans",
            "update jobs.scan_jobs set spec = ''",
        ],
    ),
    (
        "mipo_ops_read",
        &[
            "select from config.users",
            "select api_key_hash from config.scanners",
            "select from config.audit_events",
            "update config.alarms set note = 'x'",
            "delete from jobs.tasks",
            "insert into config.live_events (topic, entity_id) values ('x', 'x')",
        ],
    ),
];

/// What each of them needs, so that a refusal above is not just a role that can do nothing.
const ALLOWED: &[(&str, &[&str])] = &[
    (
        "mipo_ingest",
        &[
            "update config.scanners set status = 'active', last_heartbeat_at = now()",
            "update jobs.scan_jobs set status = 'assigned', lease_until = now()",
            "update results.scans set status = 'running', started_at = now()",
        ],
    ),
    (
        "mipo_dispatcher",
        &[
            "update results.scans set open_count = 1",
            "select from results.receipts",
            "delete from config.idempotency_keys where expires_at < now()",
            "delete from config.exports where expires_at < now()",
        ],
    ),
    ("mipo_manager", &["update jobs.scan_jobs set hold_reasons = '{operator}'", "select from config.audit_events"]),
    (
        "mipo_backup",
        &[
            "select private_key from config.signing_keys",
            "insert into config.backup_settings (id) values (true) on conflict do nothing",
        ],
    ),
    ("mipo_ops_read", &["select name from config.scanners", "select from jobs.tasks"]),
];

#[tokio::test]
async fn a_service_can_do_what_it_must_and_no_more() {
    let world = World::new().await;
    for (role, statements) in REFUSED {
        let pool = world.db.pool_as(role);
        for sql in *statements {
            assert_eq!(outcome(&pool, sql).await.as_deref(), Some(PRIVILEGE), "{role}: {sql}");
        }
    }
    for (role, statements) in ALLOWED {
        let pool = world.db.pool_as(role);
        for sql in *statements {
            assert_eq!(outcome(&pool, sql).await, None, "{role}: {sql}");
        }
    }
}

#[tokio::test]
async fn the_pages_of_the_queues_are_read_by_a_role_that_cannot_write() {
    let world = World::new().await;
    let db = world.db_as("mipo_manager");
    for (sql, wanted) in [
        ("select from jobs.tasks", None),
        ("select from config.users", Some(PRIVILEGE)),
        ("select jobs.rescue()", Some(PRIVILEGE)),
        // Refused twice over: by the transaction, and by the role.
        ("update jobs.queues set paused = true", Some("25006")),
        ("set transaction read write", Some("25001")),
    ] {
        let mut tx = db.look("test.look").await.expect("begins");
        let role: String = sqlx::query_scalar("select current_user::text").fetch_one(&mut *tx).await.expect("a role");
        assert_eq!(role, "mipo_ops_read");
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await;
        let code = done.err().map(|error| {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(Cow::into_owned);
            code.unwrap_or_else(|| panic!("{sql}: {error}"))
        });
        assert_eq!(code.as_deref(), wanted, "{sql}");
    }
    // The connection goes back to the pool as it was.
    let mut tx = db.tx("test.after").await.expect("begins");
    let role: String = sqlx::query_scalar("select current_user::text").fetch_one(&mut *tx).await.expect("a role");
    assert_eq!(role, "mipo_manager");
}

const SERVICES: [&str; 4] = ["manager", "ingest", "dispatcher", "backup"];

#[tokio::test]
async fn no_service_changes_what_was_audited() {
    let world = World::new().await;
    for service in SERVICES {
        let pool = world.db.pool_as(&format!("mipo_{service}"));
        for sql in [
            "update config.audit_events set reason = 'x'",
            "delete from config.audit_events",
            "truncate config.audit_events",
            "delete from config.audit_head",
        ] {
            assert_eq!(outcome(&pool, sql).await.as_deref(), Some(PRIVILEGE), "{service}: {sql}");
        }
    }
}

#[tokio::test]
async fn a_service_speaks_for_itself_alone() {
    let world = World::new().await;
    for service in SERVICES {
        let pool = world.db.pool_as(&format!("mipo_{service}"));
        for other in SERVICES {
            let event = format!(
                "select config.raise_event(gen_random_uuid(), gen_random_uuid(), now(), '{other}', 'happened', 'info', 'test', '1', 'x', '{{}}')"
            );
            let beat = format!(
                "insert into config.service_heartbeats (service, node, started_at, last_seen_at, service_version)
                 values ('{other}', 'n', now(), now(), '1')
                 on conflict (service, node) do update set last_seen_at = now()"
            );
            let expected = (service != other).then_some(PRIVILEGE);
            assert_eq!(outcome(&pool, &event).await.as_deref(), expected, "{service} as {other}");
            assert_eq!(outcome(&pool, &beat).await.as_deref(), expected, "{service} as {other}");
        }
    }
}
