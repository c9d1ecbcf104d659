-- Schema results: what was seen, current state, scans, receipts. The series are in sql/native or sql/timescale.
create schema results;

create table results.scans (
  id bigint generated always as identity primary key,
  template_id uuid not null,
  template_name text not null,
  adhoc boolean not null default false,
  schedule_id uuid,
  planned_at timestamptz,
  status text not null default 'pending' constraint scans_status_word
    check (status in ('pending', 'running', 'paused', 'cancelling', 'completed', 'partial', 'failed', 'cancelled')),
  status_reason text constraint scans_status_reason_length check (length(status_reason) <= 2000),
  reason text not null default '' constraint scans_reason_length check (length(reason) <= 2000),
  priority integer not null default 0 constraint scans_priority_range check (priority between 0 and 9),
  started_by text not null,
  requested_at timestamptz not null,
  planning_finished_at timestamptz,
  started_at timestamptz,
  paused_at timestamptz,
  completed_at timestamptz,
  scope bytea,
  scope_hash bytea constraint scans_scope_hash_length check (length(scope_hash) = 32),
  seed bytea not null constraint scans_seed_length check (length(seed) = 16),
  warnings jsonb not null default '[]',
  traceparent text constraint scans_traceparent_form check (traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'),
  hosts_planned bigint not null default 0,
  probes_planned bigint not null default 0,
  open_count bigint,
  change_count bigint,
  tests_pass integer not null default 0,
  tests_fail integer not null default 0,
  tests_unexpected integer not null default 0,
  tests_not_tested integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint scans_completed_where_terminal check ((completed_at is not null) = (status in ('completed', 'partial', 'failed', 'cancelled'))),
  constraint scans_paused_where_paused check (paused_at is null or status = 'paused'),
  constraint scans_started_where_running check (status <> 'running' or started_at is not null),
  constraint scans_scope_whole check (num_nonnulls(scope, scope_hash, planning_finished_at) in (0, 3))
);
comment on column results.scans.scope is 'frozen scope: canonical JSON, zstd';
create unique index scans_schedule_planned_unique on results.scans (schedule_id, planned_at, template_id);
create index scans_by_requested on results.scans (requested_at desc, id desc);
create index scans_live on results.scans (id) where completed_at is null;
create index scans_by_template on results.scans (template_id, id desc);

create function results.check_scan_move() returns trigger language plpgsql as $$
begin
  if (old.status, new.status) not in (
    ('pending', 'running'), ('pending', 'failed'), ('running', 'completed'), ('running', 'partial'), ('running', 'failed'), ('running', 'cancelled'),
    ('pending', 'paused'), ('paused', 'pending'), ('running', 'paused'), ('paused', 'running'),
    ('pending', 'cancelling'), ('running', 'cancelling'), ('paused', 'cancelling'), ('cancelling', 'cancelled')) then
    raise exception 'scan % cannot go from % to %', old.id, old.status, new.status
      using errcode = 'check_violation', constraint = 'scans_status_move';
  end if;
  return new;
end
$$;
create trigger scans_status_move before update of status on results.scans
  for each row when (old.status is distinct from new.status) execute function results.check_scan_move();

create table results.port_sets (
  id bytea primary key constraint port_sets_id_length check (length(id) = 32),
  ports int4multirange not null,
  count integer not null,
  created_at timestamptz not null default now()
);
comment on column results.port_sets.id is 'SHA-256 of the sorted set';

create table results.host_current (
  scanner_id uuid not null,
  ip inet not null constraint host_current_ip_not_mapped check (not ip <<= '::ffff:0.0.0.0/96'),
  protocol text not null constraint host_current_protocol_word check (protocol in ('tcp', 'udp')),
  covered_ports int4multirange not null,
  filtered_ports int4multirange not null default '{}',
  last_covered_at timestamptz not null,
  last_scan_id bigint not null,
  created_at timestamptz not null default now(),
  primary key (scanner_id, ip, protocol),
  constraint host_current_filtered_is_covered check (filtered_ports <@ covered_ports)
);
create index host_current_by_ip on results.host_current (ip);

create table results.port_current (
  scanner_id uuid not null,
  ip inet not null constraint port_current_ip_not_mapped check (not ip <<= '::ffff:0.0.0.0/96'),
  port integer not null constraint port_current_port_range check (port between 1 and 65535),
  protocol text not null constraint port_current_protocol_word check (protocol in ('tcp', 'udp')),
  since timestamptz not null,
  last_confirmed_at timestamptz not null,
  service text constraint port_current_service_length check (length(service) <= 256),
  version text constraint port_current_version_length check (length(version) <= 256),
  scan_id bigint not null,
  created_at timestamptz not null default now(),
  primary key (scanner_id, ip, protocol, port)
);
create index port_current_by_ip on results.port_current (ip);
create index port_current_by_scan on results.port_current (scan_id);

create table results.receipts (
  job_id bigint primary key,
  scan_id bigint not null,
  scanner_id uuid not null,
  scanner_name text not null,
  template_id uuid not null,
  final_status text not null constraint receipts_final_status_word check (final_status in ('completed', 'partial', 'failed', 'cancelled', 'timed_out')),
  no_change boolean not null,
  change_count integer not null,
  open_count integer not null,
  probes_planned bigint not null,
  probes_attempted bigint not null,
  excluded_count bigint not null,
  scope_hash bytea not null,
  result_hash bytea not null constraint receipts_result_hash_length check (length(result_hash) = 32),
  open_set bytea not null,
  open_set_kind text not null constraint receipts_open_set_kind_word check (open_set_kind in ('full', 'delta')),
  baseline_hash bytea constraint receipts_baseline_hash_length check (length(baseline_hash) = 32),
  baseline_job_id bigint,
  chain_position bigint not null,
  prev_receipt_hash bytea not null constraint receipts_prev_hash_length check (length(prev_receipt_hash) = 32),
  receipt_hash bytea not null constraint receipts_hash_length check (length(receipt_hash) = 32),
  scanner_version text,
  forensic text not null,
  created_at timestamptz not null,
  constraint receipts_baseline_whole check ((baseline_hash is null) = (baseline_job_id is null)),
  constraint receipts_delta_has_baseline check (open_set_kind = 'full' or baseline_job_id is not null),
  constraint receipts_no_change_means_completed check (not no_change or (final_status = 'completed' and baseline_hash is not distinct from result_hash and change_count = 0)),
  constraint receipts_chain_unique unique (scanner_id, chain_position)
);
create index receipts_by_scan on results.receipts (scan_id);
create index receipts_baseline on results.receipts (template_id, scanner_id, scope_hash, job_id desc) where final_status = 'completed';

create table results.test_outcomes (
  id bigint generated always as identity primary key,
  scan_id bigint not null references results.scans (id) on delete cascade,
  test_id uuid,
  scanner_id uuid not null,
  ip inet not null,
  port integer not null,
  protocol text not null,
  expected text,
  observed text not null constraint test_outcomes_observed_word check (observed in ('open', 'closed', 'filtered', 'error', 'not_probed')),
  outcome text not null constraint test_outcomes_outcome_word check (outcome in ('pass', 'fail', 'unexpected', 'not_tested')),
  created_at timestamptz not null default now(),
  constraint test_outcomes_unexpected_has_no_test check ((outcome = 'unexpected') = (test_id is null))
);
create index test_outcomes_by_scan on results.test_outcomes (scan_id);
