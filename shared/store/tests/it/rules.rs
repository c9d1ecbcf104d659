//! Impossible states are unstorable (product section 4): each statement would store one, and the constraint or trigger
//! named beside it refuses, even to a superuser. Statements run in a transaction of their own that is rolled back.
use mipo_testkit::World;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;

/// One good row of nearly everything.
const FIXTURE: &str = include_str!("rules.sql");

/// The name of what refused `sql` (a unique index, a CHECK, a trigger); none when nothing did.
async fn refusal(pool: &PgPool, sql: &str) -> Option<String> {
    let mut tx = pool.begin().await.expect("begins");
    // What is held at commit is held now.
    let all = format!("{sql}; set constraints all immediate");
    let done = sqlx::raw_sql(AssertSqlSafe(all)).execute(&mut *tx).await;
    tx.rollback().await.expect("rolls back");
    let error = done.err()?;
    let database = error.as_database_error().unwrap_or_else(|| panic!("{sql}: {error}"));
    Some(database.constraint().map_or_else(|| panic!("{sql}: {error}"), str::to_owned))
}

async fn world() -> (World, PgPool) {
    let world = World::new().await;
    world.sql(FIXTURE).await;
    let pool = world.db.superuser_pool();
    (world, pool)
}

#[tokio::test]
async fn names_descriptions_and_rates_keep_their_limits_everywhere() {
    let (_world, pool) = world().await;
    for table in [
        "scanners",
        "scanner_groups",
        "subnets",
        "subnet_groups",
        "fqdns",
        "fqdn_groups",
        "port_catalog",
        "port_lists",
        "port_list_groups",
        "scan_templates",
        "scan_template_groups",
        "schedules",
        "roles",
        "exclusions",
        "blackout_windows",
        "notification_channels",
        "notification_policies",
        "saved_views",
        "discovery_sources",
        "discovery_lists",
    ] {
        let form = Some(format!("{table}_name_form"));
        for bad in ["", "a b", "ä", &"x".repeat(101)] {
            assert_eq!(
                refusal(&pool, &format!("update config.{table} set name = '{bad}'")).await,
                form,
                "{table} {bad}"
            );
        }
        assert_eq!(refusal(&pool, &format!("update config.{table} set name = 'Aa_9-z'")).await, None, "{table}");
    }
    for table in [
        "scanners",
        "scanner_groups",
        "subnets",
        "subnet_groups",
        "fqdns",
        "fqdn_groups",
        "port_catalog",
        "port_lists",
        "port_list_groups",
        "scan_templates",
        "scan_template_groups",
        "schedules",
        "roles",
        "discovery_sources",
    ] {
        let long = format!("update config.{table} set description = repeat('x', 10001)");
        assert_eq!(refusal(&pool, &long).await, Some(format!("{table}_description_length")));
    }
    for table in ["scanners", "subnets", "fqdns", "port_lists", "discovery_lists"] {
        for bad in [-1, 100_001] {
            let sql = format!("update config.{table} set rate_limit = {bad}");
            assert_eq!(refusal(&pool, &sql).await, Some(format!("{table}_rate_limit_range")));
        }
    }
}

/// What would be stored, and what refuses it.
const IMPOSSIBLE: &[(&str, &str)] = &[
    // Scanners, tokens, keys.
    (
        "insert into config.scanners (id, name, status, created_by) values (gen_random_uuid(), 'x', 'lost', 't')",
        "scanners_status_word",
    ),
    ("update config.scanners set binding_mode = 'mac'", "scanners_binding_mode_word"),
    ("update config.scanners set max_concurrent_jobs = 0", "scanners_max_concurrent_jobs_range"),
    ("update config.scanners set max_concurrent_jobs = 9", "scanners_max_concurrent_jobs_range"),
    ("update config.scanners set capabilities = array_fill('x'::text, array[51])", "scanners_capabilities_count"),
    ("update config.scanners set api_key_hash = decode('00', 'hex'), api_key_prefix = 'p'", "scanners_api_key_hash_length"),
    ("update config.scanners set api_key_prefix = 'p'", "scanners_api_key_whole"),
    ("update config.scanners set previous_key_until = now()", "scanners_previous_key_whole"),
    ("update config.scanners set status = 'active'", "scanners_active_was_seen"),
    ("update config.scanners set status = 'offline'", "scanners_status_move"),
    ("insert into config.scanners (id, name, created_by) values (gen_random_uuid(), 'OSLO', 't')", "scanners_name_unique"),
    ("update config.provisioning_tokens set used_at = now()", "provisioning_tokens_use"),
    (
        "insert into config.provisioning_tokens (id, scanner_id, token_prefix, token_hash, expires_at, created_by)
         select gen_random_uuid(), scanner_id, 'q', token_hash, now(), 't' from config.provisioning_tokens",
        "provisioning_tokens_one_live",
    ),
    // At least one of everything, whichever way the last one goes.
    ("insert into config.scanner_groups (id, name) values (gen_random_uuid(), 'empty')", "scanner_groups_have_members"),
    ("delete from config.scanner_group_members", "scanner_groups_have_members"),
    ("insert into config.subnet_groups (id, name) values (gen_random_uuid(), 'empty')", "subnet_groups_have_members"),
    ("delete from config.subnet_group_members", "subnet_groups_have_members"),
    ("insert into config.fqdn_groups (id, name) values (gen_random_uuid(), 'empty')", "fqdn_groups_have_members"),
    ("delete from config.fqdn_group_members", "fqdn_groups_have_members"),
    ("insert into config.port_list_groups (id, name) values (gen_random_uuid(), 'empty')", "port_list_groups_have_members"),
    ("delete from config.port_list_group_members", "port_list_groups_have_members"),
    ("insert into config.scan_template_groups (id, name) values (gen_random_uuid(), 'empty')", "scan_template_groups_have_members"),
    ("delete from config.scan_template_group_members", "scan_template_groups_have_members"),
    ("delete from config.scan_template_targets", "scan_templates_have_targets"),
    ("delete from config.scan_template_ports", "scan_templates_have_ports"),
    ("delete from config.schedule_templates", "schedules_have_templates"),
    ("delete from config.user_roles", "users_have_roles"),
    ("insert into config.users (id, username, password_hash) values (gen_random_uuid(), 'bob', 'x')", "users_have_roles"),
    // Targets.
    ("update config.subnets set cidr = '::ffff:10.0.0.0/104'", "subnets_cidr_not_mapped"),
    ("update config.discovery_ips set ip = '10.0.0.0/24'", "discovery_ips_single"),
    ("update config.discovery_ips set ip = '::ffff:10.0.0.1'", "discovery_ips_not_mapped"),
    ("update config.discovery_lists set scanner_id = null", "discovery_lists_one_assignment"),
    ("update config.discovery_lists set ip_count = 1000001", "discovery_lists_ip_count_range"),
    ("update config.fqdns set hostname = ''", "fqdns_hostname_length"),
    ("update config.target_scanners set scanner_id = null", "target_scanners_one_scanner"),
    ("update config.target_scanners set fqdn_id = (select id from config.fqdns)", "target_scanners_one_target"),
    ("insert into config.target_scanners select * from config.target_scanners", "target_scanners_unique"),
    // Ports.
    ("update config.port_lists set tcp_ports = '{[0,2)}'", "port_lists_tcp_ports_range"),
    ("update config.port_lists set udp_ports = '{[1,65537)}'", "port_lists_udp_ports_range"),
    ("update config.port_lists set tcp_ports = '{}'", "port_lists_not_empty"),
    ("update config.port_catalog set tcp_ports = '{}'", "port_catalog_not_empty"),
    // Templates, schedules, tests.
    ("update config.scan_templates set adhoc = true", "scan_templates_adhoc_whole"),
    ("update config.scan_templates set adhoc_targets = '{10.0.0.1}'", "scan_templates_adhoc_whole"),
    ("update config.scan_template_targets set subnet_id = null", "scan_template_targets_one_source"),
    ("update config.scan_template_ports set port_list_id = null", "scan_template_ports_one_source"),
    ("update config.schedules set type = 'yearly', day_of_month = 1", "schedules_type_word"),
    ("update config.schedules set hour = 24", "schedules_hour_range"),
    ("update config.schedules set hour = null", "schedules_fields_of_type"),
    ("update config.schedules set type = 'weekly', day_of_week = 7", "schedules_day_of_week_range"),
    ("update config.schedules set type = 'cron'", "schedules_fields_of_type"),
    ("update config.schedules set jitter_minutes = 1441", "schedules_jitter_minutes_range"),
    ("update config.schedules set catch_up_minutes = -1", "schedules_catch_up_minutes_range"),
    ("update config.schedules set overlap_policy = 'wait'", "schedules_overlap_policy_word"),
    ("update config.schedules set next_planned_at = now()", "schedules_next_whole"),
    ("update config.schedule_templates set template_id = null", "schedule_templates_one"),
    ("update config.tests set expires_at = now() + interval '10 years'", "tests_expire_within_two_years"),
    ("update config.tests set port = 65536", "tests_port_range"),
    ("update config.tests set protocol = 'icmp'", "tests_protocol_word"),
    ("update config.tests set expected = 'closed'", "tests_expected_word"),
    ("update config.tests set target = '::ffff:10.0.0.1/128'", "tests_target_not_mapped"),
    // Exclusions, blackouts.
    ("update config.exclusions set reason = ''", "exclusions_reason_length"),
    ("update config.exclusions set enabled = false", "exclusions_disabled_has_reason"),
    ("update config.exclusions set built_in = true, expires_at = now()", "exclusions_built_in_never_expire"),
    ("update config.exclusions set tcp_ports = '{[0,1)}'", "exclusions_tcp_ports_range"),
    ("update config.blackout_windows set once_to = null", "blackout_windows_once_or_weekly"),
    ("update config.blackout_windows set once_to = once_from", "blackout_windows_once_or_weekly"),
    ("update config.blackout_windows set weekly_days = '{7}'", "blackout_windows_days_range"),
    ("update config.blackout_windows set weekly_minutes = 1441", "blackout_windows_minutes_range"),
    // Identity.
    ("update config.users set username = 'ab' where not is_owner", "users_username_form"),
    ("update config.users set email = 'nobody' where not is_owner", "users_email_form"),
    ("update config.users set auth_method = 'ldap' where not is_owner", "users_auth_method_word"),
    ("update config.users set password_hash = null where not is_owner", "users_password_where_local"),
    ("update config.users set totp = '' where not is_owner", "users_totp_whole"),
    ("update config.users set oidc_issuer = 'x' where not is_owner", "users_oidc_whole"),
    ("update config.users set is_owner = true where not is_owner", "users_one_owner"),
    ("update config.users set enabled = false where is_owner", "users_owner_enabled"),
    ("update config.users set is_owner = false where is_owner", "users_owner_stays"),
    ("delete from config.users where is_owner", "users_owner_stays"),
    ("update config.sessions set id_hash = ''", "sessions_id_hash_length"),
    ("update config.login_throttle set failures = -1", "login_throttle_failures_range"),
    ("update config.setup_tokens set purpose = 'invite'", "setup_tokens_purpose_word"),
    // Audit, settings, keys.
    ("update config.audit_events set seq = 0", "audit_events_seq_range"),
    ("update config.audit_events set kind = 'note'", "audit_events_kind_word"),
    ("update config.audit_events set actor_type = 'robot'", "audit_events_actor_type_word"),
    ("update config.audit_events set row_hash = ''", "audit_events_row_hash_length"),
    ("insert into config.audit_head (id, seq, row_hash) values (false, 0, decode(repeat('00', 32), 'hex'))", "audit_head_one_row"),
    ("insert into config.settings (id) values (false)", "settings_one_row"),
    ("update config.settings set public_url = 'mipo'", "settings_public_url_form"),
    ("update config.settings set mfa_policy = 'some'", "settings_mfa_policy_word"),
    ("update config.settings set session_idle_minutes = 61", "settings_session_idle_range"),
    ("update config.settings set session_absolute_hours = 25", "settings_session_absolute_range"),
    ("update config.settings set heartbeat_interval_minutes = 0", "settings_heartbeat_interval_range"),
    ("update config.signing_keys set key_id = 'x'", "signing_keys_key_id_form"),
    ("update config.signing_keys set signature = ''", "signing_keys_signature_whole"),
    // Events, alarms, notifications.
    ("update config.system_events set severity = 'bogus'", "system_events_severity_word"),
    ("update config.system_events set source = 'gateway'", "system_events_source_word"),
    ("update config.alarm_rules set severity_override = 'bogus'", "alarm_rules_override_word"),
    ("update config.alarms set state = 'acknowledged'", "alarms_acknowledged_has_time"),
    ("update config.alarms set state = 'resolved'", "alarms_resolved_whole"),
    ("update config.alarms set resolved_at = now(), resolved_by = 't'", "alarms_resolved_whole"),
    (
        "update config.alarms set state = 'resolved', resolved_at = now(), resolved_by = 't';
         update config.alarms set state = 'open', resolved_at = null, resolved_by = null",
        "alarms_state_move",
    ),
    ("update config.alarms set count = 0", "alarms_count_range"),
    ("update config.alarms set note = repeat('x', 2001)", "alarms_note_length"),
    (
        "insert into config.alarms (id, alarm_key, rule, severity, entity_type, entity_id, summary, first_seen, last_bump)
         select gen_random_uuid(), alarm_key, rule, severity, 't', '1', 'x', now(), now() from config.alarms",
        "alarms_one_live",
    ),
    ("update config.notification_channels set type = 'pager'", "notification_channels_type_word"),
    ("update config.notification_policies set transitions = '{closed}'", "notification_policies_transitions_words"),
    ("update config.notifications set severity = 'bogus'", "notifications_severity_word"),
    (
        "insert into config.notifications (id, alarm_id, transition, channel_name, severity, summary, status)
         values (gen_random_uuid(), gen_random_uuid(), 'opened', 'hook', 'high', 'x', 'lost')",
        "notifications_status_word",
    ),
    ("update config.notifications set sent_at = now()", "notifications_sent_has_time"),
    ("update config.notifications set status = 'sent', sent_at = now()", "notifications_status_move"),
    (
        "update config.notifications set status = 'processing'; update config.notifications set status = 'sent', sent_at = now();
         update config.notifications set status = 'pending', sent_at = null",
        "notifications_status_move",
    ),
    ("update config.notifications set attempts = -1", "notifications_attempts_range"),
    ("update config.service_heartbeats set service = 'scanner'", "service_heartbeats_service_word"),
    ("update config.infra_probes set status = 'fine'", "infra_probes_status_word"),
    // Scans.
    (
        "insert into results.scans (template_id, template_name, started_by, requested_at, seed, status)
         select template_id, template_name, started_by, requested_at, seed, 'stuck' from results.scans",
        "scans_status_word",
    ),
    ("update results.scans set status = 'cancelled', completed_at = now()", "scans_status_move"),
    ("update results.scans set status = 'running'", "scans_started_where_running"),
    ("update results.scans set completed_at = now()", "scans_completed_where_terminal"),
    ("update results.scans set scope = ''", "scans_scope_whole"),
    ("update results.scans set seed = ''", "scans_seed_length"),
    ("update results.scans set priority = 10", "scans_priority_range"),
    ("update results.scans set reason = repeat('x', 2001)", "scans_reason_length"),
    (
        "update results.scans set status = 'failed', completed_at = now();
         update results.scans set status = 'running', completed_at = null, started_at = now()",
        "scans_status_move",
    ),
    // Current state, receipts.
    ("update results.host_current set filtered_ports = '{[1,3)}'", "host_current_filtered_is_covered"),
    ("update results.host_current set ip = '::ffff:10.0.0.1'", "host_current_ip_not_mapped"),
    ("update results.port_current set ip = '::ffff:10.0.0.1'", "port_current_ip_not_mapped"),
    ("update results.port_current set port = 0", "port_current_port_range"),
    ("update results.port_current set service = repeat('x', 257)", "port_current_service_length"),
    ("update results.receipts set final_status = 'running'", "receipts_final_status_word"),
    ("update results.receipts set no_change = true", "receipts_no_change_means_completed"),
    ("update results.receipts set open_set_kind = 'delta'", "receipts_delta_has_baseline"),
    ("update results.receipts set baseline_job_id = 1", "receipts_baseline_whole"),
    ("update results.test_outcomes set outcome = 'unexpected'", "test_outcomes_unexpected_has_no_test"),
    ("update results.port_changes set current_state = previous_state", "port_changes_is_a_change"),
    ("update results.port_changes set port = null", "port_changes_one_or_many"),
    ("update results.port_changes set port = null, ports = '{[1,2)}'", "port_changes_many_without_open"),
    // Scan jobs, parts, errors.
    (
        "insert into jobs.scan_jobs (scan_id, scanner_id, batch_no, status, spec, signature, spec_expires_at, scope_hash,
           max_probes_per_second, estimated_seconds, hosts_planned, probes_planned)
         select scan_id, scanner_id, 1, 'stuck', spec, signature, spec_expires_at, scope_hash, 0, 0, 1, 1 from jobs.scan_jobs",
        "scan_jobs_status_word",
    ),
    ("update jobs.scan_jobs set status = 'assigned'", "scan_jobs_lease_where_leased"),
    ("update jobs.scan_jobs set lease_until = now()", "scan_jobs_lease_where_leased"),
    ("update jobs.scan_jobs set status = 'running', lease_until = now()", "scan_jobs_status_move"),
    ("update jobs.scan_jobs set status = 'completed', finished_at = now()", "scan_jobs_status_move"),
    ("update jobs.scan_jobs set status = 'paused'", "scan_jobs_paused_has_reason"),
    ("update jobs.scan_jobs set status = 'failed'", "scan_jobs_finished_where_terminal"),
    ("update jobs.scan_jobs set finished_at = now()", "scan_jobs_finished_where_terminal"),
    ("update jobs.scan_jobs set concluded_at = now()", "scan_jobs_concluded_where_terminal"),
    (
        "update jobs.scan_jobs set status = 'failed', finished_at = now();
         update jobs.scan_jobs set status = 'pending', finished_at = null",
        "scan_jobs_status_move",
    ),
    (
        "update jobs.scan_jobs set status = 'assigned', lease_until = now();
         update jobs.scan_jobs set status = 'running'",
        "scan_jobs_started_where_running",
    ),
    ("update jobs.scan_jobs set lease_attempt = 2; update jobs.scan_jobs set lease_attempt = 1", "scan_jobs_only_forward"),
    ("update jobs.scan_jobs set resume_index = 9; update jobs.scan_jobs set resume_index = 8", "scan_jobs_only_forward"),
    ("update jobs.scan_jobs set resume_index = 11", "scan_jobs_resume_index_range"),
    ("update jobs.scan_jobs set probed_index = 11", "scan_jobs_probed_index_range"),
    ("update jobs.scan_jobs set probes_attempted = 1", "scan_jobs_counters_within_index"),
    ("update jobs.scan_jobs set hold_reasons = '{lunch}'", "scan_jobs_hold_reasons_words"),
    ("update jobs.scan_jobs set kind = 'confirm'", "scan_jobs_confirm_has_sweep"),
    ("update jobs.scan_jobs set priority = -1", "scan_jobs_priority_range"),
    ("update jobs.result_parts set payload = null", "result_parts_payload_until_stored"),
    ("update jobs.result_parts set to_index = from_index", "result_parts_range"),
    ("update jobs.job_errors set class = 'bored'", "job_errors_class_word"),
    ("update jobs.job_errors set resolved_at = now()", "job_errors_resolved_whole"),
];

#[tokio::test]
async fn what_is_ruled_out_cannot_be_stored() {
    let (_world, pool) = world().await;
    let mut wrong = Vec::new();
    for (sql, name) in IMPOSSIBLE {
        let refused = refusal(&pool, sql).await;
        if refused.as_deref() != Some(*name) {
            wrong.push(format!("{name}, not {refused:?}: {sql}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The other way round: moves that the product knows are possible.
#[tokio::test]
async fn what_is_legal_can_be_stored() {
    let (_world, pool) = world().await;
    for sql in [
        "update config.tests set expires_at = now() + interval '2 years'",
        "delete from config.scanner_groups where name = 'both'",
        "delete from config.users where not is_owner",
        "delete from config.schedules",
        "update config.notifications set status = 'processing'; update config.notifications set status = 'failed';
         update config.notifications set status = 'exhausted'; update config.notifications set status = 'pending'",
        "update config.alarms set state = 'acknowledged', acknowledged_at = now(), acknowledged_by = 't'",
        "update results.scans set status = 'paused'; update results.scans set status = 'pending'",
    ] {
        assert_eq!(refusal(&pool, sql).await, None, "{sql}");
    }
}

/// Two who take the last two members away at the same time do not both succeed.
#[tokio::test]
async fn a_set_is_not_emptied_by_two_at_once() {
    let (world, pool) = world().await;
    world
        .sql(
            "insert into config.scanners (id, name, created_by) values (gen_random_uuid(), 'rome', 't');
             insert into config.scanner_group_members (group_id, scanner_id)
             select g.id, s.id from config.scanner_groups g, config.scanners s where s.name = 'rome'",
        )
        .await;
    let take = |name: &'static str| {
        let pool = pool.clone();
        async move {
            let mut tx = pool.begin().await.expect("begins");
            let sql = format!(
                "delete from config.scanner_group_members
                 where scanner_id = (select id from config.scanners where name = '{name}')"
            );
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await.expect("deletes");
            tx
        }
    };
    let (one, two) = (take("oslo").await, take("rome").await);
    one.commit().await.expect("one member is left");
    let refused = two.commit().await.expect_err("none would be left");
    let name = refused.as_database_error().and_then(|error| error.constraint().map(str::to_owned));
    assert_eq!(name.as_deref(), Some("scanner_groups_have_members"));
}

/// Columns of the tables that are not like the rest (docs/adr).
#[tokio::test]
async fn every_row_knows_when_it_was_made_and_edited_ones_their_version() {
    let world = World::new().await;
    let lacking = |column: &str| {
        format!(
            "select coalesce(string_agg(t.table_schema || '.' || t.table_name, ' ' order by t.table_schema, t.table_name), '')
             from information_schema.tables t
             where t.table_schema in ('config', 'results', 'jobs') and t.table_type = 'BASE TABLE'
               and t.table_name !~ '(_[0-9]{{8}}|_default)$'
               and not exists (select from information_schema.columns c
                 where (c.table_schema, c.table_name, c.column_name) = (t.table_schema, t.table_name, '{column}'))"
        )
    };
    let without_birth = world.text(&lacking("created_at")).await;
    let without_birth: Vec<_> = without_birth.split_whitespace().collect();
    // Series and registers of one time, which has its own name.
    let own_time = [
        "config.live_events",
        "jobs.bulk_discards",
        "jobs.queue_hours",
        "jobs.queue_samples",
        "jobs.queue_starts",
        "jobs.task_attempts",
        "jobs.workers",
    ];
    assert_eq!(without_birth, own_time);
    // What somebody edits by form or API has a version, so that nobody overwrites what they have not seen.
    for table in [
        "scanners",
        "scanner_groups",
        "subnets",
        "subnet_groups",
        "fqdns",
        "fqdn_groups",
        "discovery_sources",
        "discovery_lists",
        "port_catalog",
        "port_lists",
        "port_list_groups",
        "scan_templates",
        "scan_template_groups",
        "schedules",
        "tests",
        "exclusions",
        "blackout_windows",
        "roles",
        "users",
        "settings",
        "saved_views",
        "backup_settings",
        "alarm_rules",
        "alarms",
        "notification_channels",
        "notification_policies",
    ] {
        for column in ["version", "updated_at"] {
            let lacks = world.text(&lacking(column)).await;
            assert!(!lacks.split_whitespace().any(|name| name == format!("config.{table}")), "{table} has no {column}");
        }
    }
}
