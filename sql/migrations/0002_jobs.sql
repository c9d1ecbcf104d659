-- Schema jobs: the share of a scan that one scanner works on, its parts, its errors. The queue's tables are in 0004.
create schema jobs;

create table jobs.scan_jobs (
  id bigint generated always as identity primary key,
  scan_id bigint not null,
  scanner_id uuid not null,
  kind text not null default 'sweep' constraint scan_jobs_kind_word check (kind in ('sweep', 'confirm')),
  sweep_job_id bigint constraint scan_jobs_sweep_job references jobs.scan_jobs (id) on delete cascade,
  batch_no integer not null constraint scan_jobs_batch_no_range check (batch_no >= 0),
  status text not null default 'pending' constraint scan_jobs_status_word
    check (status in ('pending', 'assigned', 'running', 'paused', 'completed', 'partial', 'failed', 'cancelled', 'timed_out')),
  priority integer not null default 0 constraint scan_jobs_priority_range check (priority between 0 and 9),
  hold_reasons text[] not null default '{}' constraint scan_jobs_hold_reasons_words check (hold_reasons <@ array['operator', 'blackout', 'exclusion']),
  spec bytea not null,
  signature bytea not null constraint scan_jobs_signature_length check (length(signature) = 64),
  min_attempt integer not null default 1 constraint scan_jobs_min_attempt_range check (min_attempt >= 1),
  spec_expires_at timestamptz not null,
  resign_requested_at timestamptz,
  added_exclusions jsonb not null default '[]',
  scope_hash bytea not null constraint scan_jobs_scope_hash_length check (length(scope_hash) = 32),
  max_probes_per_second integer not null constraint scan_jobs_max_pps_range check (max_probes_per_second >= 0),
  estimated_seconds integer not null constraint scan_jobs_estimated_range check (estimated_seconds >= 0),
  hosts_planned integer not null constraint scan_jobs_hosts_planned_range check (hosts_planned >= 0),
  probes_planned bigint not null constraint scan_jobs_probes_planned_range check (probes_planned > 0),
  lease_attempt integer not null default 0 constraint scan_jobs_lease_attempt_range check (lease_attempt >= 0),
  failed_leases integer not null default 0 constraint scan_jobs_failed_leases_range check (failed_leases >= 0),
  unstarted_leases integer not null default 0 constraint scan_jobs_unstarted_leases_range check (unstarted_leases >= 0),
  stuck_told_at timestamptz,
  lease_until timestamptz,
  resume_index bigint not null default 0,
  probed_index bigint not null default 0,
  probes_attempted bigint not null default 0 constraint scan_jobs_probes_attempted_range check (probes_attempted >= 0),
  error_count bigint not null default 0 constraint scan_jobs_error_count_range check (error_count >= 0),
  not_probed_count bigint not null default 0 constraint scan_jobs_not_probed_count_range check (not_probed_count >= 0),
  excluded_count bigint not null default 0 constraint scan_jobs_excluded_count_range check (excluded_count >= 0),
  result_count bigint not null default 0 constraint scan_jobs_result_count_range check (result_count >= 0),
  error_message text constraint scan_jobs_error_message_length check (length(error_message) <= 2000),
  complete_report jsonb,
  attempts jsonb not null default '[]',
  traceparent text,
  first_claimed_at timestamptz,
  age_from timestamptz not null default now(),
  assigned_at timestamptz,
  started_at timestamptz,
  last_progress_at timestamptz,
  finished_at timestamptz,
  concluded_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint scan_jobs_confirm_has_sweep check ((kind = 'confirm') = (sweep_job_id is not null)),
  constraint scan_jobs_one_confirm unique (sweep_job_id),
  constraint scan_jobs_lease_where_leased check ((lease_until is not null) = (status in ('assigned', 'running'))),
  constraint scan_jobs_started_where_running check (status <> 'running' or started_at is not null),
  constraint scan_jobs_paused_has_reason check (status <> 'paused' or hold_reasons <> '{}' or resign_requested_at is not null),
  constraint scan_jobs_finished_where_terminal check (
    (finished_at is not null) = (status in ('completed', 'partial', 'failed', 'cancelled', 'timed_out'))),
  constraint scan_jobs_concluded_where_terminal check (concluded_at is null or finished_at is not null),
  constraint scan_jobs_resume_index_range check (resume_index between 0 and probes_planned),
  constraint scan_jobs_probed_index_range check (probed_index between 0 and probes_planned),
  constraint scan_jobs_counters_within_index check (probes_attempted + not_probed_count + excluded_count <= resume_index)
);
comment on column jobs.scan_jobs.stuck_told_at is 'when somebody was told that it is not handed out by itself any more; void with the next hand-out';
comment on column jobs.scan_jobs.age_from is 'since when its age counts: made, or let go by an operator';
comment on column jobs.scan_jobs.added_exclusions is 'exclusions made after the spec was signed, sent beside it';
comment on column jobs.scan_jobs.complete_report is 'what the scanner said in complete, once it did';
comment on column jobs.scan_jobs.attempts is 'one object a lease attempt, for the receipt';
comment on column jobs.scan_jobs.resign_requested_at is 'the dispatcher signs anew before the job is handed out again';
create index scan_jobs_by_scan on jobs.scan_jobs (scan_id, id);
create index scan_jobs_claimable on jobs.scan_jobs (scanner_id, priority desc, id) where status = 'pending' and resign_requested_at is null;
create index scan_jobs_leased on jobs.scan_jobs (lease_until) where status in ('assigned', 'running');
create index scan_jobs_by_holder on jobs.scan_jobs (scanner_id) where status in ('assigned', 'running');
create index scan_jobs_unconcluded on jobs.scan_jobs (finished_at) where finished_at is not null and concluded_at is null;
create index scan_jobs_to_sign on jobs.scan_jobs (resign_requested_at) where resign_requested_at is not null;

create function jobs.check_scan_job_move() returns trigger language plpgsql as $$
begin
  if old.finished_at is not null and new.status is distinct from old.status then
    raise exception 'scan job % has ended as % and stays so', old.id, old.status
      using errcode = 'check_violation', constraint = 'scan_jobs_status_move';
  end if;
  if old.status is distinct from new.status and not (
    new.status in ('completed', 'partial', 'failed', 'cancelled', 'timed_out')
    or (old.status, new.status) in (
      ('pending', 'assigned'), ('assigned', 'running'), ('assigned', 'pending'), ('running', 'pending'),
      ('pending', 'paused'), ('assigned', 'paused'), ('running', 'paused'), ('paused', 'pending'))) then
    raise exception 'scan job % cannot go from % to %', old.id, old.status, new.status
      using errcode = 'check_violation', constraint = 'scan_jobs_status_move';
  end if;
  if new.status = 'completed' and old.status <> 'completed' and old.status <> 'running' then
    raise exception 'scan job % cannot complete from %', old.id, old.status
      using errcode = 'check_violation', constraint = 'scan_jobs_status_move';
  end if;
  if new.lease_attempt < old.lease_attempt or new.resume_index < old.resume_index then
    raise exception 'scan job %: lease_attempt and resume_index never go back', old.id
      using errcode = 'check_violation', constraint = 'scan_jobs_only_forward';
  end if;
  return new;
end
$$;
create trigger scan_jobs_move before update on jobs.scan_jobs for each row execute function jobs.check_scan_job_move();

-- The bell of the long poll and of the reconciler: payload is the scanner that has something to fetch, or whose job waits
-- for a signature. Every listener also polls.
create function jobs.ring_scan_jobs() returns trigger language plpgsql as $$
begin
  perform pg_notify('mipo_scan_jobs', new.scanner_id::text);
  return null;
end
$$;
create trigger scan_jobs_ring_new after insert on jobs.scan_jobs
  for each row when (new.status = 'pending') execute function jobs.ring_scan_jobs();
create trigger scan_jobs_ring_again after update of status, resign_requested_at on jobs.scan_jobs
  for each row when (new.status = 'pending' or new.resign_requested_at is not null) execute function jobs.ring_scan_jobs();

create table jobs.result_parts (
  job_id bigint not null references jobs.scan_jobs (id) on delete cascade,
  lease_attempt integer not null,
  seq integer not null constraint result_parts_seq_range check (seq >= 0),
  scanner_id uuid not null,
  from_index bigint not null,
  to_index bigint not null,
  sha256 bytea not null constraint result_parts_sha256_length check (length(sha256) = 32),
  payload bytea,
  payload_bytes integer not null,
  source_ip inet,
  received_at timestamptz not null default now(),
  stored_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (job_id, lease_attempt, seq),
  constraint result_parts_range check (0 <= from_index and from_index < to_index),
  constraint result_parts_from_unique unique (job_id, from_index),
  constraint result_parts_payload_until_stored check ((payload is null) = (stored_at is not null))
);
create index result_parts_unstored on jobs.result_parts (scanner_id, job_id, lease_attempt, seq) where stored_at is null;

create table jobs.job_hosts (
  job_id bigint not null references jobs.scan_jobs (id) on delete cascade,
  ip inet not null,
  protocol text not null constraint job_hosts_protocol_word check (protocol in ('tcp', 'udp')),
  filtered_default int8multirange not null default '{}',
  other int4multirange not null default '{}',
  error int4multirange not null default '{}',
  not_probed int4multirange not null default '{}',
  votes jsonb,
  created_at timestamptz not null default now(),
  primary key (job_id, ip, protocol)
);
comment on column jobs.job_hosts.filtered_default is 'index ranges in which the default of the host was filtered';

create table jobs.scope_cuts (
  template_id uuid not null,
  scanner_id uuid not null,
  scope_hash bytea not null constraint scope_cuts_hash_length check (length(scope_hash) = 32),
  slices jsonb not null,
  last_used_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (template_id, scanner_id, scope_hash)
);

create table jobs.job_errors (
  state_id uuid primary key,
  job_id bigint not null,
  scan_id bigint not null,
  scanner_id uuid not null,
  class text not null constraint job_errors_class_word check (class in (
    'no-scanner', 'failed-scanner-auth', 'scanner-disabled', 'scanner-ip-changed', 'no-heartbeat', 'binary-version-mismatch', 'stuck-pending',
    'stuck-running', 'dispatcher-failure', 'expired', 'result-submit-failed', 'scan-deleted', 'target-invalid', 'rate-limit-exhausted')),
  category text not null constraint job_errors_category_word check (category in ('capacity', 'auth', 'connectivity', 'scanner', 'orchestration', 'data')),
  context jsonb not null default '{}',
  repairs jsonb not null default '[]',
  opened_at timestamptz not null,
  resolved_at timestamptz,
  resolved_by text,
  created_at timestamptz not null default now(),
  constraint job_errors_resolved_whole check ((resolved_at is null) = (resolved_by is null))
);
create unique index job_errors_one_open on jobs.job_errors (job_id, class) where resolved_at is null;
create index job_errors_by_opened on jobs.job_errors (opened_at desc);
