insert into config.scanners (id, name, created_by) values ('00000000-0000-7000-8000-000000000001', 'oslo', 't');
insert into config.provisioning_tokens (id, scanner_id, token_prefix, token_hash, expires_at, created_by)
values (gen_random_uuid(), '00000000-0000-7000-8000-000000000001', 'p', decode(repeat('00', 32), 'hex'), now(), 't');
insert into config.scanner_groups (id, name) values ('00000000-0000-7000-8000-000000000002', 'both');
insert into config.scanner_group_members (group_id, scanner_id)
values ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000001');
insert into config.subnets (id, name, cidr) values ('00000000-0000-7000-8000-000000000003', 'lab', '10.0.0.0/30');
insert into config.subnet_groups (id, name) values ('00000000-0000-7000-8000-000000000004', 'labs');
insert into config.subnet_group_members (group_id, subnet_id)
values ('00000000-0000-7000-8000-000000000004', '00000000-0000-7000-8000-000000000003');
insert into config.fqdns (id, name, hostname) values ('00000000-0000-7000-8000-000000000005', 'here', 'localhost');
insert into config.fqdn_groups (id, name) values ('00000000-0000-7000-8000-000000000006', 'names');
insert into config.fqdn_group_members (group_id, fqdn_id)
values ('00000000-0000-7000-8000-000000000006', '00000000-0000-7000-8000-000000000005');
insert into config.discovery_sources (id, name, key_prefix, key_hash)
values ('00000000-0000-7000-8000-000000000007', 'cmdb', 'p', decode(repeat('00', 32), 'hex'));
insert into config.discovery_lists (id, source_id, name, scanner_id)
values ('00000000-0000-7000-8000-000000000008', '00000000-0000-7000-8000-000000000007', 'hosts', '00000000-0000-7000-8000-000000000001');
insert into config.discovery_ips (list_id, ip) values ('00000000-0000-7000-8000-000000000008', '10.0.0.1');
insert into config.target_scanners (subnet_id, scanner_id)
values ('00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-000000000001');
insert into config.port_catalog (id, name, tcp_ports) values (gen_random_uuid(), 'ssh', '{[22,23)}');
insert into config.port_lists (id, name, tcp_ports) values ('00000000-0000-7000-8000-000000000009', 'ssh', '{[22,23)}');
insert into config.port_list_groups (id, name) values ('00000000-0000-7000-8000-00000000000a', 'few');
insert into config.port_list_group_members (group_id, port_list_id)
values ('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-000000000009');
insert into config.scan_templates (id, name, created_by) values ('00000000-0000-7000-8000-00000000000b', 'nightly', 't');
insert into config.scan_template_targets (template_id, subnet_id)
values ('00000000-0000-7000-8000-00000000000b', '00000000-0000-7000-8000-000000000003');
insert into config.scan_template_ports (template_id, port_list_id)
values ('00000000-0000-7000-8000-00000000000b', '00000000-0000-7000-8000-000000000009');
insert into config.scan_template_groups (id, name) values ('00000000-0000-7000-8000-00000000000c', 'all');
insert into config.scan_template_group_members (group_id, template_id)
values ('00000000-0000-7000-8000-00000000000c', '00000000-0000-7000-8000-00000000000b');
insert into config.schedules (id, name, minute, hour) values ('00000000-0000-7000-8000-00000000000d', 'nights', 0, 2);
insert into config.schedule_templates (schedule_id, template_id)
values ('00000000-0000-7000-8000-00000000000d', '00000000-0000-7000-8000-00000000000b');
insert into config.roles (id, name, scopes) values ('00000000-0000-7000-8000-00000000000e', 'reader', '{}');
insert into config.users (id, username, password_hash, is_owner) values ('00000000-0000-7000-8000-00000000000f', 'owner', 'x', true);
insert into config.users (id, username, password_hash) values ('00000000-0000-7000-8000-000000000010', 'alice', 'x');
insert into config.user_roles (user_id, role_id) select id, '00000000-0000-7000-8000-00000000000e' from config.users;
insert into config.sessions (id, id_hash, csrf_hash, user_id, ip, last_active_at, expires_at)
values (gen_random_uuid(), decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'), '00000000-0000-7000-8000-00000000000f',
  '127.0.0.1', now(), now());
insert into config.login_throttle (key, window_start, failures) values ('account:alice', now(), 0);
insert into config.setup_tokens (id, purpose, token_hash, expires_at) values (gen_random_uuid(), 'setup', decode(repeat('00', 32), 'hex'), now());
insert into config.saved_views (id, user_id, page, name, query)
values (gen_random_uuid(), '00000000-0000-7000-8000-000000000010', '/results', 'mine', '');
insert into config.tests (id, template_id, target, port, expected, owner_id, expires_at)
values (gen_random_uuid(), '00000000-0000-7000-8000-00000000000b', '10.0.0.1/32', 22, 'open', '00000000-0000-7000-8000-00000000000f', now());
insert into config.exclusions (id, name, cidr, reason) values (gen_random_uuid(), 'printer', '10.0.0.9/32', 'prints what it is sent');
insert into config.blackout_windows (id, name, scope_all, once_from, once_to, reason)
values (gen_random_uuid(), 'freeze', true, now(), now() + interval '1 hour', 'year end');
insert into config.audit_events (seq, kind, at, actor, actor_type, action, resource_type, resource_id, diff, prev_hash, row_hash)
values (1, 'change', now(), 't', 'cli', 'made', 'test', '1', '', decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'));
insert into config.signing_keys (key_id, public_key, private_key, active_from) values (repeat('0', 16), decode(repeat('00', 32), 'hex'), '', now());
insert into config.system_events (id, at, source, type, severity, entity_type, entity_id, summary)
values (gen_random_uuid(), now(), 'manager', 'happened', 'info', 'test', '1', 'x');
insert into config.alarm_rules (name, description, severity, trigger_event) values ('test-rule', '', 'high', 'test_happened');
insert into config.alarms (id, alarm_key, rule, severity, entity_type, entity_id, summary, first_seen, last_bump)
values ('00000000-0000-7000-8000-000000000011', 'k', 'test-rule', 'high', 'test', '1', 'x', now(), now());
insert into config.notification_channels (id, name, type) values ('00000000-0000-7000-8000-000000000012', 'hook', 'webhook');
insert into config.notification_policies (id, name, channel_id) values (gen_random_uuid(), 'all', '00000000-0000-7000-8000-000000000012');
insert into config.notifications (id, alarm_id, transition, channel_name, severity, summary)
values (gen_random_uuid(), '00000000-0000-7000-8000-000000000011', 'opened', 'hook', 'high', 'x');
insert into config.service_heartbeats (service, node, started_at, last_seen_at, service_version) values ('manager', 'n', now(), now(), '1');
insert into config.infra_probes (kind, target, status, checked_at) values ('db', 'db', 'good', now());
insert into results.scans (template_id, template_name, started_by, requested_at, seed)
values ('00000000-0000-7000-8000-00000000000b', 'nightly', 't', now(), decode(repeat('00', 16), 'hex'));
insert into results.host_current (scanner_id, ip, protocol, covered_ports, last_covered_at, last_scan_id)
values ('00000000-0000-7000-8000-000000000001', '10.0.0.1', 'tcp', '{[1,2)}', now(), 1);
insert into results.port_current (scanner_id, ip, port, protocol, since, last_confirmed_at, scan_id)
values ('00000000-0000-7000-8000-000000000001', '10.0.0.1', 1, 'tcp', now(), now(), 1);
insert into results.receipts (job_id, scan_id, scanner_id, scanner_name, template_id, final_status, no_change, change_count, open_count,
  probes_planned, probes_attempted, excluded_count, scope_hash, result_hash, open_set, open_set_kind, chain_position, prev_receipt_hash,
  receipt_hash, forensic, created_at)
values (1, 1, '00000000-0000-7000-8000-000000000001', 'oslo', '00000000-0000-7000-8000-00000000000b', 'completed', false, 0, 0, 1, 1, 0, '',
  decode(repeat('00', 32), 'hex'), '', 'full', 1, decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'), '', now());
insert into results.test_outcomes (scan_id, test_id, scanner_id, ip, port, protocol, observed, outcome)
values (1, gen_random_uuid(), '00000000-0000-7000-8000-000000000001', '10.0.0.1', 22, 'tcp', 'open', 'pass');
insert into results.port_changes (id, at, scanner_id, ip, port, protocol, previous_state, current_state, scan_id, job_id, confirmed)
values (gen_random_uuid(), now(), '00000000-0000-7000-8000-000000000001', '10.0.0.1', 22, 'tcp', 'closed', 'open', 1, 1, true);
insert into jobs.scan_jobs (scan_id, scanner_id, batch_no, spec, signature, spec_expires_at, scope_hash, max_probes_per_second,
  estimated_seconds, hosts_planned, probes_planned)
values (1, '00000000-0000-7000-8000-000000000001', 0, '', decode(repeat('00', 64), 'hex'), now() + interval '1 day',
  decode(repeat('00', 32), 'hex'), 0, 0, 1, 10);
insert into jobs.result_parts (job_id, lease_attempt, seq, scanner_id, from_index, to_index, sha256, payload, payload_bytes)
values (1, 1, 0, '00000000-0000-7000-8000-000000000001', 0, 5, decode(repeat('00', 32), 'hex'), '', 0);
insert into jobs.job_errors (state_id, job_id, scan_id, scanner_id, class, category, opened_at)
values (gen_random_uuid(), 1, 1, '00000000-0000-7000-8000-000000000001', 'expired', 'orchestration', now());
