-- Least privilege (product S17). Every grant of the service roles on config, results and the scan job tables; the
-- queue's are in 0004. tests/it of mipo-store prove each refusal. UPDATE is granted by column where a table is shared: a
-- statement that writes another column needs its grant here.
revoke all on schema public from public;
grant usage on schema config, results, jobs to mipo_manager, mipo_ingest, mipo_dispatcher, mipo_backup, mipo_ops_read;

-- What every service does: events, live events, heartbeats, the audit chain.
grant execute on function config.raise_event(uuid, uuid, timestamptz, text, text, text, text, text, text, jsonb)
  to mipo_manager, mipo_ingest, mipo_dispatcher, mipo_backup;
grant insert on config.live_events to mipo_manager, mipo_ingest, mipo_dispatcher, mipo_backup;
grant select, insert, update on config.service_heartbeats to mipo_manager, mipo_ingest, mipo_dispatcher, mipo_backup;
grant insert on config.audit_events to mipo_manager, mipo_ingest, mipo_dispatcher, mipo_backup;
grant select on config.audit_events to mipo_manager, mipo_backup;
grant select, update (seq, row_hash, updated_at) on config.audit_head to mipo_manager, mipo_ingest, mipo_dispatcher, mipo_backup;

-- Manager: GUI and admin API. No private signing key, no change of what was audited or seen.
grant select, insert, update, delete on
  config.scanners, config.provisioning_tokens, config.scanner_key_rotations, config.scanner_groups, config.scanner_group_members,
  config.subnets, config.subnet_groups, config.subnet_group_members, config.fqdns, config.fqdn_groups, config.fqdn_group_members,
  config.discovery_sources, config.discovery_lists, config.discovery_ips, config.target_scanners,
  config.port_catalog, config.port_lists, config.port_list_groups, config.port_list_group_members,
  config.scan_templates, config.scan_template_targets, config.scan_template_ports, config.scan_template_groups, config.scan_template_group_members,
  config.schedules, config.schedule_templates, config.tests, config.exclusions, config.blackout_windows, config.blackout_members,
  config.roles, config.users, config.user_roles, config.recovery_codes, config.sessions, config.user_api_tokens, config.login_throttle,
  config.setup_tokens, config.idempotency_keys, config.saved_views, config.exports,
  config.alarm_rules, config.notification_channels, config.notification_policies, config.notifications, config.infra_probes
  to mipo_manager;
grant usage on sequence config.adhoc_templates to mipo_manager;
grant select, update on config.settings, config.backup_settings, config.alarms to mipo_manager;
grant select on config.served_files to mipo_manager;
grant select on config.backup_runs, config.backup_bundles, config.backup_restores, config.backup_drills, config.system_events to mipo_manager;
grant select, delete on config.live_events to mipo_manager;
grant select (key_id, public_key, signed_by, signature, active_from, retired_at, created_at) on config.signing_keys to mipo_manager;
grant select on all tables in schema results to mipo_manager;
grant insert, update (status, status_reason, paused_at, completed_at, updated_at, version) on results.scans to mipo_manager;
grant select on jobs.scan_jobs, jobs.result_parts, jobs.job_hosts, jobs.job_errors, jobs.scope_cuts to mipo_manager;
-- Pause, resume, cancel, repair; never what a job may do (its spec), nor what came of it.
grant update (status, hold_reasons, priority, resign_requested_at, age_from, failed_leases, unstarted_leases, lease_until, finished_at,
    error_message, updated_at, version)
  on jobs.scan_jobs to mipo_manager;
grant update (resolved_at, resolved_by) on jobs.job_errors to mipo_manager;

-- Ingest: keys, leases, parts, heartbeats. No users, sessions, secrets of settings, channels.
grant select on config.scanners, config.provisioning_tokens to mipo_ingest;
-- What a scanner's own calls change: its keys, where it is, what it says of itself. Not its name, limits and binding mode.
grant update (status, bound_ip, bound_asn, ip_mismatch_count, failed_auth_count, api_key_prefix, api_key_hash, api_key_created_at,
    api_key_last_used_at, previous_api_key_prefix, previous_api_key_hash, previous_key_until, rotate_key_requested, last_heartbeat_at,
    first_heartbeat_at, scanner_version, hostname, platform, arch, internal_ip, external_ip, capabilities, metrics, last_error, binary_sha256,
    key_flagged_at, updated_at)
  on config.scanners to mipo_ingest;
grant update (used_at, used_from_ip, used_binary_sha256) on config.provisioning_tokens to mipo_ingest;
grant insert on config.scanner_key_rotations to mipo_ingest;
grant select, insert, update on config.served_files to mipo_ingest;
grant select on config.scanner_groups, config.scanner_group_members, config.exclusions to mipo_ingest;
grant select, update (last_push_at, updated_at) on config.discovery_sources to mipo_ingest;
grant select, insert, update on config.discovery_lists to mipo_ingest;
grant select, insert, update, delete on config.discovery_ips to mipo_ingest;
grant select (id, public_url, probe_contact) on config.settings to mipo_ingest;
grant select (key_id, public_key, signed_by, signature, active_from, retired_at) on config.signing_keys to mipo_ingest;
grant select, update (status, started_at, updated_at, version) on results.scans to mipo_ingest;
-- Leases and counters, and narrowing (more exclusions). The spec, its signature and whose job it is stay what they are.
grant select, update (status, lease_attempt, failed_leases, unstarted_leases, lease_until, resume_index, probed_index, probes_attempted,
    error_count, not_probed_count, excluded_count, result_count, added_exclusions, hold_reasons, resign_requested_at, error_message,
    complete_report, attempts, first_claimed_at, assigned_at, started_at, last_progress_at, finished_at, updated_at, version)
  on jobs.scan_jobs to mipo_ingest;
grant select, insert on jobs.result_parts to mipo_ingest;

-- Dispatcher: plans, signs, stores, concludes, repairs, maintains.
grant select on
  config.scanner_groups, config.scanner_group_members, config.subnets, config.subnet_groups, config.subnet_group_members,
  config.fqdns, config.fqdn_groups, config.fqdn_group_members, config.discovery_sources, config.discovery_lists, config.discovery_ips,
  config.target_scanners, config.port_lists, config.port_list_groups, config.port_list_group_members,
  config.scan_templates, config.scan_template_targets, config.scan_template_ports, config.scan_template_groups, config.scan_template_group_members,
  config.schedule_templates, config.tests, config.exclusions, config.blackout_windows, config.blackout_members,
  config.alarm_rules, config.system_events
  to mipo_dispatcher;
grant select on config.scanners, config.schedules, config.fqdns to mipo_dispatcher;
grant update (status, draining_until, measured_pps, previous_api_key_prefix, previous_api_key_hash, previous_key_until, updated_at)
  on config.scanners to mipo_dispatcher;
grant update (next_planned_at, next_start_at, last_run_at, updated_at) on config.schedules to mipo_dispatcher;
grant update (last_resolved, last_resolved_at, updated_at) on config.fqdns to mipo_dispatcher;
grant select (id, public_url, retention) on config.settings to mipo_dispatcher;
grant select, insert, update on config.notifications to mipo_dispatcher;
grant select, insert, update on config.signing_keys to mipo_dispatcher;
grant select, delete on config.live_events to mipo_dispatcher;
-- Expiry: it may remove what has expired and learn nothing from it.
grant select (actor, key, expires_at) on config.idempotency_keys to mipo_dispatcher;
grant select (id, expires_at) on config.exports to mipo_dispatcher;
grant delete on config.idempotency_keys, config.exports to mipo_dispatcher;
grant select (id, expires_at, ended_at, created_at) on config.sessions to mipo_dispatcher;
grant select (id, expires_at, used_at) on config.setup_tokens to mipo_dispatcher;
grant select (id, expires_at, revoked_at) on config.user_api_tokens to mipo_dispatcher;
grant select (id, expires_at) on config.provisioning_tokens to mipo_dispatcher;
grant delete on config.sessions, config.setup_tokens, config.user_api_tokens to mipo_dispatcher;
grant delete on config.provisioning_tokens, config.system_events, config.notifications to mipo_dispatcher;
grant select on config.alarms to mipo_dispatcher;
grant select, insert, update, delete on results.host_current, results.port_current to mipo_dispatcher;
-- History: written once, or moved on by status and counts; who asked for what stays as it was.
grant select, insert, update (status, status_reason, planning_finished_at, started_at, paused_at, completed_at, scope, scope_hash, warnings, hosts_planned,
    probes_planned, open_count, change_count, tests_pass, tests_fail, tests_unexpected, tests_not_tested, updated_at, version)
  on results.scans to mipo_dispatcher;
grant select, insert on results.port_sets, results.receipts, results.test_outcomes, results.port_changes, results.coverage,
  results.open_observations to mipo_dispatcher;
grant execute on function results.ensure_partitions(timestamptz, timestamptz) to mipo_dispatcher;
grant execute on function results.drop_partitions(text, timestamptz) to mipo_dispatcher;
grant select, insert, update, delete on jobs.scan_jobs, jobs.result_parts, jobs.job_hosts, jobs.scope_cuts, jobs.job_errors to mipo_dispatcher;
-- The signed spec of a job holds its id, so the dispatcher draws it before the row is written.
grant usage on sequence jobs.scan_jobs_id_seq to mipo_dispatcher;

-- Backup: reads all, writes its own tables.
grant select on all tables in schema config, results, jobs to mipo_backup;
grant select on all sequences in schema config, results, jobs to mipo_backup;
grant insert, update, delete on config.backup_settings, config.backup_runs, config.backup_bundles, config.backup_restores, config.backup_drills to mipo_backup;

-- Ops: the queue dashboard and health reads. It cannot write.
grant select on config.service_heartbeats, config.infra_probes, config.alarms, config.alarm_rules, config.system_events to mipo_ops_read;
grant select (id, name, status, last_heartbeat_at, scanner_version) on config.scanners to mipo_ops_read;
grant select on jobs.scan_jobs, jobs.job_errors to mipo_ops_read;
grant select on results.scans to mipo_ops_read;
-- pg_dump reads partitions and later tables directly, not through their parent.
alter default privileges in schema config grant select on tables to mipo_backup;
alter default privileges in schema results grant select on tables to mipo_backup;
alter default privileges in schema jobs grant select on tables to mipo_backup;
