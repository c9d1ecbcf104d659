-- The task queue (product section 9, design section 4). Only shared/queue reads and writes these tables.
--
-- jobs.tasks holds what is pending or running and stays small: the statement that finishes a task moves its row to
-- jobs.task_history. The moves themselves are the functions of 0008 and 0009, SECURITY DEFINER, so that no service role
-- can write a state that the queue does not know. All times are those of the database clock.
create schema if not exists jobs;

create table jobs.queues (
  name text not null,
  -- Services that work on it; a claim by another role is empty.
  workers text[] not null,
  -- Slots of one process.
  concurrency integer not null,
  -- Bound over all processes; null = none.
  max_running integer,
  -- At most rate_limit tasks begin in any rate_seconds, over all processes; null = no limit.
  rate_limit integer,
  rate_seconds integer not null default 1,
  paused boolean not null default false,
  age_target_seconds integer not null,
  -- Days that ended tasks are kept; null = the product's setting.
  keep_done_days integer,
  keep_dead_days integer,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint queues_pkey primary key (name),
  constraint queues_name_check check (name ~ '^[a-z][a-z_]{0,62}$'),
  constraint queues_workers_check check (cardinality(workers) > 0),
  constraint queues_concurrency_check check (concurrency between 1 and 10000),
  constraint queues_max_running_check check (max_running between 1 and 100000),
  constraint queues_rate_check check (rate_limit between 1 and 1000000 and rate_seconds between 1 and 3600),
  constraint queues_age_target_check check (age_target_seconds > 0),
  constraint queues_keep_check check (keep_done_days between 0 and 3650 and keep_dead_days between 0 and 3650)
);

insert into jobs.queues (name, workers, concurrency, age_target_seconds) values
  ('planning', '{dispatcher}', 2, 10),
  ('results', '{dispatcher}', 4, 2),
  ('conclude', '{dispatcher}', 4, 15),
  ('repair', '{dispatcher}', 2, 10),
  ('notifications', '{manager,dispatcher}', 8, 30),
  ('backups', '{backup}', 1, 60),
  ('exports', '{manager}', 2, 30),
  ('maintenance', '{dispatcher}', 1, 600),
  ('bulk', '{dispatcher}', 1, 30);

-- Starts in a queue with a rate limit, a row a claim. Rows are added and, once they are out of the window, deleted; no
-- row is written twice, so claims of other queues and processes never wait for a counter.
create table jobs.queue_starts (
  queue text not null,
  at timestamptz not null,
  count integer not null,
  constraint queue_starts_count_check check (count > 0)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
create index queue_starts_at on jobs.queue_starts (queue, at);

-- A UUIDv7 by the database clock. Tasks are enqueued inside the caller's transaction, so their ids are minted there.
create function jobs.new_task_id() returns uuid language sql volatile parallel safe as $$
  select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- Where a task stands in the line of its queue: by the time it is due, ten seconds earlier for each step of priority.
-- So a higher priority goes first, and nothing starves: what has waited long enough overtakes what is new.
create function jobs.rank(p_run_at timestamptz, p_priority smallint) returns timestamptz language sql stable parallel safe as $$
  select p_run_at - 10 * p_priority * interval '1 second'
$$;

-- Columns that a claim changes stand last, so that its log record holds little more than them. No index contains or
-- conditions on any of them (a test compares): a claim is a heap-only update and writes no index.
--
-- No foreign key to jobs.queues: each insert would lock the queue's row, and that row would become the hottest of all.
create table jobs.tasks (
  id uuid not null default jobs.new_task_id(),
  queue text not null,
  kind text not null,
  -- {v, ids}; null when sealed.
  payload jsonb,
  payload_sealed bytea,
  priority smallint not null default 0,
  max_attempts integer not null,
  run_at timestamptz not null default now(),
  -- jobs.rank; infinity while its group is waited for.
  rank timestamptz not null default now(),
  -- Bounds running tasks: at most concurrency_limit of them, each in its own slot.
  concurrency_key text,
  concurrency_limit smallint,
  -- The group it belongs to, and the group whose tasks must all have ended before it runs.
  group_key text,
  waits_for text,
  traceparent text,
  created_by text not null,
  created_at timestamptz not null default now(),
  -- Binds pending tasks only: a claim moves it to claimed_key.
  unique_key text,
  claimed_key text,
  concurrency_slot smallint,
  -- Claimed while its queue had a bound over all processes.
  bounded boolean not null default false,
  snoozed boolean not null default false,
  cancel_requested boolean not null default false,
  -- How the last attempt failed, if it did, and what it logged.
  last_error text,
  fingerprint text,
  log text,
  status text not null default 'pending',
  attempts integer not null default 0,
  -- The lease: who holds it and since when. It runs as long as that of the worker does.
  lease_token uuid,
  locked_by integer,
  started_at timestamptz,
  constraint tasks_pkey primary key (id),
  constraint tasks_status_check check (status in ('pending', 'running')),
  constraint tasks_payload_check check ((payload is null) <> (payload_sealed is null)),
  constraint tasks_payload_shape_check check (payload is null or (jsonb_typeof(payload) = 'object' and jsonb_typeof(payload -> 'v') = 'number')),
  constraint tasks_priority_check check (priority between 0 and 9),
  constraint tasks_attempts_check check (attempts >= 0 and max_attempts >= 1 and attempts <= max_attempts),
  constraint tasks_running_attempt_check check (status <> 'running' or attempts >= 1),
  constraint tasks_lease_check check ((status = 'running') = (lease_token is not null)),
  constraint tasks_holder_check check (status <> 'running' or (locked_by is not null and started_at is not null)),
  constraint tasks_snoozed_check check (not snoozed or status = 'pending'),
  constraint tasks_cancel_check check (not cancel_requested or status = 'running'),
  constraint tasks_key_check check ((status = 'running' and unique_key is null) or (status = 'pending' and claimed_key is null)),
  constraint tasks_concurrency_check check ((concurrency_key is null) = (concurrency_limit is null) and concurrency_limit >= 1),
  constraint tasks_slot_check check ((concurrency_slot is not null) = (status = 'running' and concurrency_key is not null)
    and concurrency_slot between 1 and concurrency_limit),
  constraint tasks_bounded_check check (not bounded or status = 'running'),
  constraint tasks_failed_check check ((last_error is null) = (fingerprint is null)),
  constraint tasks_group_check check (waits_for is null or waits_for is distinct from group_key)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000, autovacuum_vacuum_cost_delay = 1);

create index tasks_claim on jobs.tasks (queue, rank, id) where concurrency_key is null;
-- Tasks with a key: in the line of their queue, and in that of their key.
create index tasks_claim_keyed on jobs.tasks (queue, rank, id) where concurrency_key is not null;
create index tasks_claim_by_key on jobs.tasks (queue, concurrency_key, rank, id) where concurrency_key is not null;
create index tasks_scheduled on jobs.tasks (queue, run_at) where run_at > created_at;
create unique index tasks_unique_key on jobs.tasks (unique_key) where unique_key is not null;
create unique index tasks_concurrency_slot on jobs.tasks (concurrency_key, concurrency_slot) where concurrency_slot is not null;
create index tasks_bounded on jobs.tasks (queue) where bounded;
create index tasks_group on jobs.tasks (group_key) where group_key is not null;
create index tasks_waits_for on jobs.tasks (waits_for) where waits_for is not null;

create table jobs.task_history (
  id uuid not null,
  queue text not null,
  kind text not null,
  payload jsonb,
  payload_sealed bytea,
  status text not null,
  priority smallint not null,
  attempts integer not null,
  max_attempts integer not null,
  run_at timestamptz not null,
  unique_key text,
  concurrency_key text,
  concurrency_limit smallint,
  group_key text,
  waits_for text,
  locked_by integer,
  started_at timestamptz,
  last_error text,
  fingerprint text,
  log text,
  traceparent text,
  created_by text not null,
  created_at timestamptz not null,
  finished_at timestamptz not null,
  discarded_from text,
  discarded_at timestamptz,
  -- Somebody was told that it is dead, and what follows from that was done: jobs.tell_dead.
  told boolean not null default false,
  constraint task_history_status_check check (status in ('done', 'dead', 'cancelled', 'discarded')),
  constraint task_history_attempts_check check (attempts >= 0 and attempts <= max_attempts),
  constraint task_history_discarded_check check ((status = 'discarded') = (discarded_from is not null)
    and (status = 'discarded') = (discarded_at is not null) and discarded_from in ('pending', 'dead', 'cancelled')),
  constraint task_history_dead_check check (status <> 'dead' or (last_error is not null and fingerprint is not null)),
  constraint task_history_done_check check (status <> 'done' or (attempts >= 1 and locked_by is not null and started_at is not null))
) partition by range (finished_at);

create index task_history_id on jobs.task_history (id);
-- What did not end well, newest first; the columns that groups of failures are made of, so that those are made without
-- a look at the rows. A done task writes none of it.
create index task_history_failed on jobs.task_history (status, id) include (queue, kind, fingerprint, finished_at, locked_by) where status <> 'done';
create index task_history_untold on jobs.task_history (finished_at) where status = 'dead' and not told;
create index task_history_fingerprint on jobs.task_history (fingerprint, finished_at) where fingerprint is not null;
-- Rows come in the order of their ends: a few bytes a block find those of a minute.
create index task_history_finished on jobs.task_history using brin (finished_at) with (pages_per_range = 16, autosummarize = on);

-- Never a refused finish for want of a day: rows of an unmade day wait here until jobs.keep_task_days makes it.
create table jobs.task_history_default partition of jobs.task_history default;

-- Attempts that ended without ending their task. The last attempt stands in the task's or history's own columns.
create table jobs.task_attempts (
  task_id uuid not null,
  attempt integer not null,
  worker integer not null,
  started_at timestamptz not null,
  ended_at timestamptz not null default now(),
  outcome text not null,
  error text not null,
  fingerprint text not null,
  log text,
  constraint task_attempts_pkey primary key (task_id, started_at),
  constraint task_attempts_attempt_check check (attempt >= 1),
  constraint task_attempts_outcome_check check (outcome in ('failed', 'rescued', 'dead', 'cancelled')),
  constraint task_attempts_order_check check (ended_at >= started_at)
);
create index task_attempts_ended on jobs.task_attempts (ended_at);

-- A process; a start of it. Its lease is that of every task that it holds: one write renews them all.
create table jobs.workers (
  no integer not null generated always as identity,
  -- Name plus a ULID of this process start.
  id text not null,
  name text not null,
  service text not null,
  host text not null,
  pid integer not null,
  version text not null,
  queues text[] not null,
  slots integer not null,
  stale_count bigint not null default 0,
  -- The lease tokens that it held at its last renewal.
  held uuid[] not null default '{}',
  -- Null: it holds nothing that could be rescued any more.
  lease_until timestamptz,
  drain_requested_at timestamptz,
  started_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  stopped_at timestamptz,
  constraint workers_pkey primary key (no),
  constraint workers_id_key unique (id),
  constraint workers_id_check check (id ~ '^.+-[0-9A-HJKMNP-TV-Z]{26}$'),
  constraint workers_slots_check check (slots >= 0),
  constraint workers_order_check check (last_seen_at >= started_at)
) with (fillfactor = 50);
create index workers_seen on jobs.workers (last_seen_at);

create table jobs.cron (
  name text not null,
  -- Five fields, in the zone.
  schedule text not null,
  zone text not null default 'UTC',
  queue text not null,
  kind text not null,
  payload jsonb not null,
  -- After downtime: one tick for all that were missed, or none.
  catch_up boolean not null default true,
  paused boolean not null default false,
  -- The last tick that was fired; moved by compare-and-set.
  last_tick timestamptz not null default date_trunc('minute', now()),
  -- The task of the last tick or of the last "run now".
  last_task_id uuid,
  -- Set when the code of no running version knows it any more.
  retired_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  constraint cron_pkey primary key (name),
  constraint cron_name_check check (name ~ '^[a-z][a-z-]{0,62}$'),
  constraint cron_schedule_check check (schedule ~ '^\S+ \S+ \S+ \S+ \S+$'),
  constraint cron_payload_check check (jsonb_typeof(payload) = 'object'),
  constraint cron_last_tick_check check (last_tick = date_trunc('minute', last_tick))
);

-- What an operator asked for over many tasks at once; worked on by the task `bulk_operation`.
create table jobs.bulk_operations (
  id uuid not null,
  action text not null,
  -- In the filter language, as it was typed, and as it was read.
  filter text not null,
  arguments jsonb not null default '{}',
  reason text not null,
  status text not null default 'pending',
  -- The exact count at the time of asking, and how far it got.
  total_count bigint not null,
  done_count bigint not null default 0,
  refused_count bigint not null default 0,
  cursor uuid,
  undoes uuid,
  undo_until timestamptz,
  requested_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  constraint bulk_operations_pkey primary key (id),
  constraint bulk_operations_undoes_fkey foreign key (undoes) references jobs.bulk_operations (id),
  constraint bulk_operations_action_check check (action in ('retry', 'cancel', 'discard', 'undo_discard', 'reprioritise', 'run_now')),
  constraint bulk_operations_reason_check check (length(btrim(reason)) between 1 and 1000),
  constraint bulk_operations_status_check check (status in ('pending', 'running', 'stopping', 'stopped', 'completed', 'failed')),
  constraint bulk_operations_counts_check check (total_count >= 0 and done_count >= 0 and refused_count >= 0),
  constraint bulk_operations_finished_check check ((status in ('stopped', 'completed', 'failed')) = (finished_at is not null)),
  constraint bulk_operations_started_check check (status <> 'running' or started_at is not null),
  constraint bulk_operations_undo_check check (action = 'undo_discard' or undoes is null)
);

-- What a bulk operation discarded, so that it can be undone as a whole.
create table jobs.bulk_discards (
  operation uuid not null,
  task_id uuid not null,
  constraint bulk_discards_pkey primary key (operation, task_id),
  constraint bulk_discards_operation_fkey foreign key (operation) references jobs.bulk_operations (id) on delete cascade
);

-- One row a minute, queue and kind with anything to say. Histograms: counts in buckets that double from 1 ms.
create table jobs.queue_samples (
  at timestamptz not null,
  queue text not null,
  kind text not null,
  scheduled_count integer not null default 0,
  retrying_count integer not null default 0,
  snoozed_count integer not null default 0,
  waiting_count integer not null default 0,
  ready_count integer not null default 0,
  running_count integer not null default 0,
  oldest_due_ms bigint,
  enqueued_count integer not null default 0,
  done_count integer not null default 0,
  failed_count integer not null default 0,
  dead_count integer not null default 0,
  busy_ms bigint not null default 0,
  wait_histogram integer[] not null default '{}',
  run_histogram integer[] not null default '{}',
  constraint queue_samples_pkey primary key (at, queue, kind),
  constraint queue_samples_minute_check check (at = date_trunc('minute', at)),
  constraint queue_samples_counts_check check (scheduled_count >= 0 and retrying_count >= 0 and snoozed_count >= 0 and waiting_count >= 0
    and ready_count >= 0 and running_count >= 0 and enqueued_count >= 0 and done_count >= 0 and failed_count >= 0 and dead_count >= 0 and busy_ms >= 0)
);

-- The same by the hour, for charts of days and weeks.
create table jobs.queue_hours (
  like jobs.queue_samples including defaults,
  constraint queue_hours_pkey primary key (queue, at, kind),
  constraint queue_hours_hour_check check (at = date_trunc('hour', at))
);

-- Failure groups that somebody looks at later: hidden from the list until then, or until a new release fails alike.
create table jobs.failure_snoozes (
  fingerprint text not null,
  until timestamptz not null,
  reason text not null,
  snoozed_by text not null,
  created_at timestamptz not null default now(),
  constraint failure_snoozes_pkey primary key (fingerprint)
);

-- The state that people are shown, product 9.1.
create function jobs.shown_state(t jobs.tasks) returns text language sql stable as $$
  select case
    when t.status = 'running' then 'running'
    when t.run_at > now() then case when t.snoozed then 'snoozed' when t.attempts > 0 then 'retrying' else 'scheduled' end
    when t.waits_for is not null and exists (select from jobs.tasks g where g.group_key = t.waits_for) then 'waiting'
    when t.concurrency_key is not null and (select count(*) from jobs.tasks r
      where r.concurrency_key = t.concurrency_key and r.concurrency_slot is not null) >= t.concurrency_limit then 'waiting'
    else 'ready'
  end
$$;

-- Live and ended tasks as one list.
create view jobs.all_tasks as
  select t.id, t.queue, t.kind, t.payload, t.payload_sealed, jobs.shown_state(t) as state, t.priority, t.attempts, t.max_attempts, t.run_at,
    coalesce(t.unique_key, t.claimed_key) as unique_key, t.concurrency_key, t.concurrency_limit, t.group_key, t.waits_for, t.locked_by, t.started_at,
    t.last_error, t.fingerprint, t.log, t.traceparent, t.created_by, t.created_at, null::timestamptz as finished_at, null::text as discarded_from,
    null::timestamptz as discarded_at, t.cancel_requested
  from jobs.tasks t
  union all
  select h.id, h.queue, h.kind, h.payload, h.payload_sealed, h.status, h.priority, h.attempts, h.max_attempts, h.run_at,
    h.unique_key, h.concurrency_key, h.concurrency_limit, h.group_key, h.waits_for, h.locked_by, h.started_at, h.last_error, h.fingerprint, h.log,
    h.traceparent, h.created_by, h.created_at, h.finished_at, h.discarded_from, h.discarded_at, false
  from jobs.task_history h;

-- One notification a statement and queue; commits with NOTIFY take turns, so never one a row.
create function jobs.tell_of_tasks() returns trigger language plpgsql as $$
begin
  perform pg_notify('mipo_tasks', a.queue) from (select distinct queue from added) a;
  return null;
end
$$;
create trigger tasks_added after insert on jobs.tasks referencing new table as added for each statement execute function jobs.tell_of_tasks();

create function jobs.tell_of_queues() returns trigger language plpgsql as $$
begin
  perform pg_notify('mipo_tasks', a.name) from (select distinct name from changed) a;
  return null;
end
$$;
create trigger queues_changed after update on jobs.queues referencing new table as changed for each statement execute function jobs.tell_of_queues();

revoke execute on function jobs.new_task_id, jobs.rank, jobs.shown_state, jobs.tell_of_tasks, jobs.tell_of_queues from public;
grant usage on schema jobs to mipo_manager, mipo_ingest, mipo_dispatcher, mipo_backup, mipo_ops_read;
grant select on jobs.queues, jobs.tasks, jobs.task_history, jobs.task_attempts, jobs.workers, jobs.cron, jobs.bulk_operations, jobs.bulk_discards, jobs.queue_samples,
  jobs.queue_hours, jobs.all_tasks, jobs.failure_snoozes, jobs.queue_starts to mipo_manager, mipo_dispatcher, mipo_backup, mipo_ops_read;
grant execute on function jobs.shown_state to mipo_manager, mipo_dispatcher, mipo_backup, mipo_ops_read;
