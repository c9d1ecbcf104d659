-- What keeps the queue going: its workers, its clock, the days of its history, its samples; and what people do to tasks,
-- queues, workers and cron entries. Those are called by the use cases of shared/app, which check the right and write
-- the audit row in the same transaction.

-- A process says who it is. Answers its number, by which tasks name it.
create function jobs.register_worker(p_id text, p_name text, p_service text, p_host text, p_pid integer, p_version text, p_queues text[], p_slots integer)
returns integer language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobs.workers (id, name, service, host, pid, version, queues, slots)
  values (p_id, p_name, p_service, p_host, p_pid, p_version, p_queues, p_slots)
  on conflict (id) do update set queues = excluded.queues, slots = excluded.slots, last_seen_at = clock_timestamp()
  returning no
$$;

-- It has ended. What it still holds, a handler that outlived the drain, runs out with its lease.
create function jobs.unregister_worker(p_worker integer, p_stale bigint) returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.workers set stopped_at = clock_timestamp(), last_seen_at = clock_timestamp(), held = '{}', stale_count = p_stale where no = p_worker
$$;

-- A worker claims nothing more and finishes what it has; false: it is gone already.
create function jobs.drain_worker(p_worker integer, p_drain boolean) returns boolean language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  update jobs.workers w set drain_requested_at = case when p_drain then coalesce(w.drain_requested_at, clock_timestamp()) end
  where w.no = p_worker and w.stopped_at is null;
  -- Renewals tell it; the bell makes one happen now.
  perform pg_notify('mipo_tasks', '!');
  return found;
end
$$;

-- Tasks that a live worker does not know: it renewed since, and did not name them. That cannot happen while the driver
-- is right, and would hold them for ever if it were wrong.
create function jobs.return_unknown() returns integer language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  t jobs.tasks;
  v_count integer := 0;
begin
  for t in
    select x.* from jobs.tasks x join jobs.workers w on w.no = x.locked_by
    where x.status = 'running' and w.lease_until is not null and x.started_at < w.last_seen_at - interval '20 seconds'
      and x.lease_token <> all (w.held)
    order by x.id for update of x skip locked
  loop
    perform jobs.let_go(t, 'lease lost: its worker does not know it');
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;

-- Fires one tick exactly once over all replicas: whoever moves last_tick enqueues, the others see another value.
create function jobs.fire_cron(p_name text, p_last timestamptz, p_tick timestamptz, p_skip boolean, p_max_attempts integer)
returns boolean language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  c jobs.cron;
begin
  update jobs.cron x set last_tick = p_tick, updated_at = now()
  where x.name = p_name and x.last_tick = p_last and p_tick > p_last and not x.paused and x.retired_at is null
  returning * into c;
  if not found then
    return false;
  end if;
  if not p_skip then
    perform jobs.enqueue_cron(c, p_max_attempts, 'cron');
  end if;
  return true;
end
$$;

-- Enqueues the task of an entry; one that is still pending stands for both. Answers its id.
create function jobs.enqueue_cron(c jobs.cron, p_max_attempts integer, p_by text) returns uuid language plpgsql as $$
declare
  v_id uuid;
begin
  insert into jobs.tasks (queue, kind, payload, max_attempts, unique_key, created_by)
  values (c.queue, c.kind, c.payload, p_max_attempts, 'cron:' || c.name, p_by)
  on conflict (unique_key) where unique_key is not null do nothing
  returning id into v_id;
  if v_id is null then
    select t.id into v_id from jobs.tasks t where t.unique_key = 'cron:' || c.name;
  end if;
  update jobs.cron x set last_task_id = coalesce(v_id, x.last_task_id) where x.name = c.name;
  return v_id;
end
$$;

-- Runs an entry now, whatever its schedule says; null: there is no such entry.
create function jobs.run_cron(p_name text, p_max_attempts integer, p_by text) returns uuid language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
  c jobs.cron;
begin
  select * into c from jobs.cron x where x.name = p_name and x.retired_at is null for update;
  if not found then
    return null;
  end if;
  return jobs.enqueue_cron(c, p_max_attempts, p_by);
end
$$;

-- Pauses or resumes an entry. Resumed, it goes on with its next tick: those of the pause are not made up for.
create function jobs.pause_cron(p_name text, p_paused boolean) returns boolean language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.cron x set paused = p_paused, last_tick = case when p_paused then x.last_tick else date_trunc('minute', clock_timestamp()) end,
    updated_at = now(), version = x.version + 1
  where x.name = p_name and x.retired_at is null and x.paused <> p_paused
  returning true
$$;

-- The entries that the code knows. What an operator changed (paused) stays. Entries that are gone from the code retire;
-- during an upgrade the newer process brings its own back.
create function jobs.keep_cron(p_names text[], p_schedules text[], p_zones text[], p_queues text[], p_kinds text[], p_payloads jsonb[], p_catch_up boolean[])
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.cron c set retired_at = now() where c.name <> all (p_names) and c.retired_at is null;
  insert into jobs.cron (name, schedule, zone, queue, kind, payload, catch_up)
  select * from unnest(p_names, p_schedules, p_zones, p_queues, p_kinds, p_payloads, p_catch_up)
  on conflict (name) do update set schedule = excluded.schedule, zone = excluded.zone, queue = excluded.queue, kind = excluded.kind,
    payload = excluded.payload, catch_up = excluded.catch_up, updated_at = now(), version = jobs.cron.version + 1,
    last_tick = case when jobs.cron.retired_at is null then jobs.cron.last_tick else date_trunc('minute', now()) end, retired_at = null
  where (jobs.cron.schedule, jobs.cron.zone, jobs.cron.queue, jobs.cron.kind, jobs.cron.payload, jobs.cron.catch_up) is distinct from
    (excluded.schedule, excluded.zone, excluded.queue, excluded.kind, excluded.payload, excluded.catch_up) or jobs.cron.retired_at is not null
$$;

-- Makes the partitions of yesterday to p_ahead days from now. Rows that came before their day was made move into it.
-- Days are made a week ahead, so one that cannot be made now, because somebody reads the history, is made next time.
create function jobs.keep_task_days(p_ahead integer) returns integer language plpgsql security definer
set search_path = pg_catalog, pg_temp set lock_timeout = '500ms' as $$
declare
  v_day date;
  v_name text;
  v_made integer := 0;
begin
  for v_day in select d::date from generate_series((now() at time zone 'UTC')::date - 1, (now() at time zone 'UTC')::date + p_ahead, interval '1 day') d loop
    v_name := 'task_history_' || to_char(v_day, 'YYYYMMDD');
    continue when to_regclass('jobs.' || v_name) is not null;
    begin
      lock table jobs.task_history_default in access exclusive mode;
      execute format('create table jobs.%I (like jobs.task_history including defaults including constraints)', v_name);
      execute format('with moved as (delete from jobs.task_history_default where finished_at >= %1$L and finished_at < %2$L returning *)
        insert into jobs.%3$I select * from moved', v_day::timestamp at time zone 'UTC', (v_day + 1)::timestamp at time zone 'UTC', v_name);
      execute format('alter table jobs.task_history attach partition jobs.%I for values from (%L) to (%L)', v_name,
        v_day::timestamp at time zone 'UTC', (v_day + 1)::timestamp at time zone 'UTC');
      v_made := v_made + 1;
    exception when lock_not_available then
      return v_made;
    end;
  end loop;
  return v_made;
end
$$;

-- The day until which an ended task is kept.
create function jobs.kept_until(p_queue text, p_status text, p_finished_at timestamptz, p_days integer, p_dead_days integer)
returns timestamptz language sql stable as $$
  select p_finished_at + coalesce((select case when p_status = 'dead' then q.keep_dead_days else q.keep_done_days end from jobs.queues q where q.name = p_queue),
    case when p_status = 'dead' then p_dead_days else p_days end) * interval '1 day'
$$;

-- Deletes at most p_batch rows that are past their time; a day of which nothing is left to keep goes as a whole.
-- Answers how many rows or days went: call it again until 0. Dropping a day needs the history for itself for a moment;
-- while somebody reads it, everything waits for whoever waits for that. So it gives up soon, and comes back.
create function jobs.prune_tasks(p_days integer, p_dead_days integer, p_batch integer) returns bigint language plpgsql security definer
set search_path = pg_catalog, pg_temp set lock_timeout = '200ms' set jit = off as $$
declare
  v_day record;
  v_keeps boolean;
  v_gone bigint := 0;
  v_ids uuid[];
begin
  for v_day in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'jobs.task_history'::regclass and c.relname ~ '^task_history_[0-9]{8}$'
      and to_date(substr(c.relname, 14), 'YYYYMMDD') < (now() at time zone 'UTC')::date
        - least(p_days, p_dead_days, (select min(least(q.keep_done_days, q.keep_dead_days)) from jobs.queues q))
    union all
    select 'task_history_default'
    order by 1
  loop
    if v_day.relname <> 'task_history_default' then
      execute format('select exists (select from jobs.%I h where jobs.kept_until(h.queue, h.status, h.finished_at, $1, $2) >= now())', v_day.relname)
      using p_days, p_dead_days into v_keeps;
      if not v_keeps then
        begin
          execute format('delete from jobs.task_attempts a using jobs.%I h where a.task_id = h.id', v_day.relname);
          execute format('drop table jobs.%I', v_day.relname);
          return 1;
        exception when lock_not_available then
          continue;
        end;
      end if;
    end if;
    execute format('with old as (select h.id, h.finished_at from jobs.%1$I h where jobs.kept_until(h.queue, h.status, h.finished_at, $1, $2) < now() limit $3),
      gone as (delete from jobs.%1$I h using old where h.id = old.id and h.finished_at = old.finished_at returning h.id)
      select array_agg(id) from gone', v_day.relname)
    using p_days, p_dead_days, p_batch into v_ids;
    if v_ids is not null then
      delete from jobs.task_attempts a where a.task_id = any (v_ids);
      return cardinality(v_ids);
    end if;
  end loop;

  with old as (select s.ctid from jobs.queue_samples s where s.at < now() - interval '30 days' limit p_batch)
  delete from jobs.queue_samples s using old where s.ctid = old.ctid;
  get diagnostics v_gone = row_count;
  if v_gone > 0 then
    return v_gone;
  end if;

  delete from jobs.queue_hours h where h.at < now() - interval '31 days';
  delete from jobs.failure_snoozes f where f.until < now() - interval '1 day';
  delete from jobs.queue_starts s where s.at < now() - interval '1 hour';
  delete from jobs.bulk_operations b where b.finished_at < now() - make_interval(days => p_dead_days)
    and not exists (select from jobs.bulk_operations u where u.undoes = b.id);
  -- Tasks name their worker by its number for as long as they are kept.
  delete from jobs.workers w where w.last_seen_at < now() - make_interval(days => 1 + greatest(p_days, p_dead_days,
    (select max(greatest(q.keep_done_days, q.keep_dead_days)) from jobs.queues q)));
  get diagnostics v_gone = row_count;
  return v_gone;
end
$$;

-- Cancels: a pending task ends at once; the worker of a running one is told to look, and hears of it.
create function jobs.cancel_task(p_id uuid) returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  t jobs.tasks;
begin
  select * into t from jobs.tasks x where x.id = p_id for update;
  if not found then
    return null;
  elsif t.status = 'pending' then
    perform jobs.archive(t, 'cancelled', t.last_error, t.fingerprint, t.log);
    perform jobs.tell_of_freed('{}', array_remove(array[t.group_key], null));
    return 'cancelled';
  end if;
  update jobs.tasks x set cancel_requested = true where x.id = p_id;
  perform pg_notify('mipo_tasks', '!');
  return 'running';
end
$$;

-- Puts an ended task back under its own id, with p_attempts more than it has used; its row is locked and goes.
create function jobs.revive(h jobs.task_history, p_attempts integer) returns void language plpgsql as $$
begin
  delete from jobs.task_history x where x.id = h.id and x.finished_at = h.finished_at;
  for i in 1..2 loop
    begin
      insert into jobs.tasks (id, queue, kind, payload, payload_sealed, priority, attempts, max_attempts, rank, unique_key, concurrency_key,
        concurrency_limit, group_key, waits_for, locked_by, started_at, last_error, fingerprint, log, traceparent, created_by, created_at)
      values (h.id, h.queue, h.kind, h.payload, h.payload_sealed, h.priority, h.attempts, h.attempts + p_attempts,
        case when h.waits_for is not null and jobs.group_lives(h.waits_for) then 'infinity' else jobs.rank(now(), h.priority) end,
        -- Another pending task that holds the key stands for what the key means; this one runs beside it.
        case when i = 1 then h.unique_key end, h.concurrency_key, h.concurrency_limit, h.group_key, h.waits_for, h.locked_by, h.started_at,
        h.last_error, h.fingerprint, h.log, h.traceparent, h.created_by, h.created_at);
      return;
    exception when unique_violation then
      if i = 2 or h.unique_key is null then
        raise;
      end if;
    end;
  end loop;
end
$$;

-- Gives a dead or cancelled task its kind's attempts once more, under its own id.
create function jobs.retry_task(p_id uuid, p_attempts integer) returns boolean language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
  h jobs.task_history;
begin
  select * into h from jobs.task_history x where x.id = p_id and x.status in ('dead', 'cancelled') for update;
  if not found then
    return false;
  end if;
  if h.started_at is not null and h.attempts >= 1 and h.last_error is not null then
    insert into jobs.task_attempts (task_id, attempt, worker, started_at, ended_at, outcome, error, fingerprint, log)
    values (h.id, h.attempts, h.locked_by, h.started_at, greatest(h.finished_at, h.started_at), h.status, h.last_error, h.fingerprint, h.log)
    on conflict do nothing;
  end if;
  perform jobs.revive(h, p_attempts);
  return true;
end
$$;

-- Sets a task aside that nobody will run again: pending, dead or cancelled. Answers the state that it had.
create function jobs.discard_task(p_id uuid) returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  t jobs.tasks;
  v_from text;
begin
  select * into t from jobs.tasks x where x.id = p_id and x.status = 'pending' for update;
  if found then
    perform jobs.archive(t, 'discarded', t.last_error, t.fingerprint, t.log);
    perform jobs.tell_of_freed('{}', array_remove(array[t.group_key], null));
    return 'pending';
  end if;
  update jobs.task_history x set status = 'discarded', discarded_from = x.status, discarded_at = clock_timestamp()
  where x.id = p_id and x.status in ('dead', 'cancelled')
  returning x.discarded_from into v_from;
  return v_from;
end
$$;

-- Takes a discard back within 24 h: the task has the state that it had. Answers that state.
create function jobs.undo_discard(p_id uuid) returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  h jobs.task_history;
begin
  select * into h from jobs.task_history x where x.id = p_id and x.status = 'discarded' and x.discarded_at > now() - interval '24 hours' for update;
  if not found then
    return null;
  end if;
  if h.discarded_from = 'pending' then
    perform jobs.revive(h, h.max_attempts - h.attempts);
    update jobs.tasks t set run_at = h.run_at, rank = case when t.rank = 'infinity' then t.rank else jobs.rank(greatest(h.run_at, now()), t.priority) end
    where t.id = h.id;
  else
    update jobs.task_history x set status = h.discarded_from, discarded_from = null, discarded_at = null where x.id = h.id and x.finished_at = h.finished_at;
  end if;
  return h.discarded_from;
end
$$;

-- A scheduled, retrying or snoozed task runs now. False: it does not wait for its time.
create function jobs.run_now(p_id uuid) returns boolean language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_queue text;
begin
  update jobs.tasks t set run_at = now(), snoozed = false, rank = case when t.rank = 'infinity' then t.rank else jobs.rank(now(), t.priority) end
  where t.id = p_id and t.status = 'pending' and t.run_at > now()
  returning t.queue into v_queue;
  if v_queue is not null then
    perform pg_notify('mipo_tasks', v_queue);
  end if;
  return v_queue is not null;
end
$$;

-- Another priority for a pending task. False: it does not wait.
create function jobs.set_priority(p_id uuid, p_priority smallint) returns boolean language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
  v_queue text;
begin
  update jobs.tasks t set priority = p_priority, rank = case when t.rank = 'infinity' then t.rank
    else greatest(jobs.rank(t.run_at, p_priority), now() - interval '90 seconds') end
  where t.id = p_id and t.status = 'pending'
  returning t.queue into v_queue;
  if v_queue is not null then
    perform pg_notify('mipo_tasks', v_queue);
  end if;
  return v_queue is not null;
end
$$;

-- What an operator sets for a queue. Null: no row has this name and version.
create function jobs.set_queue(p_name text, p_version integer, p_paused boolean, p_concurrency integer, p_max_running integer, p_rate_limit integer,
  p_rate_seconds integer, p_keep_done_days integer, p_keep_dead_days integer)
returns integer language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_version integer;
  v_bound boolean;
begin
  select q.max_running is null and p_max_running is not null into v_bound from jobs.queues q where q.name = p_name for update;
  update jobs.queues q set paused = p_paused, concurrency = p_concurrency, max_running = p_max_running, rate_limit = p_rate_limit,
    rate_seconds = p_rate_seconds, keep_done_days = p_keep_done_days, keep_dead_days = p_keep_dead_days, updated_at = now(), version = q.version + 1
  where q.name = p_name and q.version = p_version
  returning q.version into v_version;
  -- What runs already counts against a bound that is new.
  if v_version is not null and v_bound then
    update jobs.tasks t set bounded = true where t.queue = p_name and t.status = 'running' and not t.bounded;
  end if;
  return v_version;
end
$$;

-- Hides a failure group until later; null ends it.
create function jobs.snooze_failure(p_fingerprint text, p_until timestamptz, p_reason text, p_by text) returns void language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  if p_until is null then
    delete from jobs.failure_snoozes f where f.fingerprint = p_fingerprint;
  else
    insert into jobs.failure_snoozes (fingerprint, until, reason, snoozed_by) values (p_fingerprint, p_until, p_reason, p_by)
    on conflict (fingerprint) do update set until = excluded.until, reason = excluded.reason, snoozed_by = excluded.snoozed_by, created_at = now();
  end if;
end
$$;

-- Writes down a bulk operation that somebody asked for; its task works on it.
create function jobs.start_bulk(p_id uuid, p_action text, p_filter text, p_arguments jsonb, p_reason text, p_total bigint, p_undoes uuid, p_by text)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobs.bulk_operations (id, action, filter, arguments, reason, total_count, undoes, undo_until, requested_by)
  values (p_id, p_action, p_filter, p_arguments, p_reason, p_total, p_undoes, case when p_action = 'discard' then now() + interval '24 hours' end, p_by)
$$;

-- Asks an operation to stop after its batch. Answers its status; null: it has ended, or there is none.
create function jobs.stop_bulk(p_id uuid) returns text language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.bulk_operations b set status = case when b.status = 'pending' then 'stopped' else 'stopping' end,
    finished_at = case when b.status = 'pending' then now() end, updated_at = now()
  where b.id = p_id and b.status in ('pending', 'running', 'stopping')
  returning b.status
$$;

-- Begins or goes on with a batch: the operation is locked until the batch commits, so that a repeated task does none
-- of it twice. No row: it has ended, or was asked to stop and does so now.
create function jobs.begin_bulk(p_id uuid) returns setof jobs.bulk_operations language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  perform from jobs.bulk_operations b where b.id = p_id for update;
  update jobs.bulk_operations b set status = 'stopped', finished_at = now(), updated_at = now() where b.id = p_id and b.status = 'stopping';
  return query
  update jobs.bulk_operations b set status = 'running', started_at = coalesce(b.started_at, now()), updated_at = now()
  where b.id = p_id and b.status in ('pending', 'running')
  returning b.*;
end
$$;

-- Does the action to each of the tasks, in the order given. Answers how many it changed.
create function jobs.apply_bulk(p_id uuid, p_action text, p_tasks uuid[], p_attempts integer[], p_priority smallint)
returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  r record;
  v_done bigint := 0;
  v_did boolean;
begin
  for r in select i.id, i.attempts from unnest(p_tasks, p_attempts) with ordinality i (id, attempts, n) order by i.n loop
    v_did := case p_action
      when 'retry' then jobs.retry_task(r.id, r.attempts)
      when 'cancel' then jobs.cancel_task(r.id) is not null
      when 'discard' then jobs.discard_task(r.id) is not null
      when 'undo_discard' then jobs.undo_discard(r.id) is not null
      when 'run_now' then jobs.run_now(r.id)
      when 'reprioritise' then jobs.set_priority(r.id, p_priority)
    end;
    if v_did then
      v_done := v_done + 1;
      if p_action = 'discard' then
        insert into jobs.bulk_discards (operation, task_id) values (p_id, r.id) on conflict do nothing;
      end if;
    end if;
  end loop;
  return v_done;
end
$$;

-- Counts a batch, and ends the operation where a status is given.
create function jobs.advance_bulk(p_id uuid, p_cursor uuid, p_done bigint, p_refused bigint, p_status text) returns void language sql
security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.bulk_operations b set cursor = coalesce(p_cursor, b.cursor), done_count = b.done_count + p_done,
    refused_count = b.refused_count + p_refused, status = coalesce(p_status, b.status),
    finished_at = case when p_status is not null then now() end, updated_at = now()
  where b.id = p_id and b.finished_at is null
$$;

-- The bucket of a duration: 0 up to 1 ms, each next one twice as wide, 24 for more than two hours.
create function jobs.bucket(p_ms double precision) returns integer language sql immutable parallel safe as $$
  select least(24, greatest(0, ceil(log(2.0, greatest(p_ms, 1)::numeric))))::integer
$$;

-- Counts of the buckets 0 to the highest one that occurs.
create function jobs.histogram(p_buckets integer[]) returns integer[] language sql immutable parallel safe as $$
  select coalesce(array_agg(n.count order by n.bucket), '{}') from (
    select b as bucket, (select count(*) from unnest(p_buckets) x where x = b)::integer as count
    from generate_series(0, (select max(x) from unnest(p_buckets) x)) b
  ) n
$$;

-- The sum of histograms, bucket by bucket.
create function jobs.add_histograms(a integer[], b integer[]) returns integer[] language sql immutable parallel safe as $$
  select coalesce(array_agg(coalesce(a[i], 0) + coalesce(b[i], 0) order by i), '{}')
  from generate_series(1, greatest(cardinality(a), cardinality(b))) i
$$;
create aggregate jobs.sum_histograms (integer[]) (sfunc = jobs.add_histograms, stype = integer[], initcond = '{}', parallel = safe);

-- Writes the hours of the last two days that have ended and are not written. What stood in the queues is that of the
-- worst minute; the oldest age too.
create function jobs.sum_hours(p_now timestamptz) returns integer language plpgsql set jit = off as $$
declare
  v_hour timestamptz;
  v_rows integer := 0;
begin
  for v_hour in
    select h from generate_series(date_trunc('hour', p_now) - interval '48 hours', date_trunc('hour', p_now) - interval '1 hour', interval '1 hour') h
    where not exists (select from jobs.queue_hours q where q.at = h)
      -- A sample bears the end of its minute.
      and exists (select from jobs.queue_samples s where s.at > h and s.at <= h + interval '1 hour')
  loop
    insert into jobs.queue_hours (at, queue, kind, scheduled_count, retrying_count, snoozed_count, waiting_count, ready_count, running_count,
      oldest_due_ms, enqueued_count, done_count, failed_count, dead_count, busy_ms, wait_histogram, run_histogram)
    select v_hour, s.queue, s.kind, max(s.scheduled_count), max(s.retrying_count), max(s.snoozed_count), max(s.waiting_count), max(s.ready_count),
      max(s.running_count), max(s.oldest_due_ms), sum(s.enqueued_count), sum(s.done_count), sum(s.failed_count), sum(s.dead_count), sum(s.busy_ms),
      jobs.sum_histograms(s.wait_histogram), jobs.sum_histograms(s.run_histogram)
    from jobs.queue_samples s
    where s.at > v_hour and s.at <= v_hour + interval '1 hour'
    group by s.queue, s.kind
    on conflict do nothing;
    v_rows := v_rows + 1;
  end loop;
  return v_rows;
end
$$;

-- Writes the sample of the minute that ended at p_minute: what stands in the queues now, and what began and ended in it.
create function jobs.sample(p_minute timestamptz) returns integer language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_from timestamptz := p_minute - interval '1 minute';
  v_rows integer;
begin
  insert into jobs.queue_samples (at, queue, kind, scheduled_count, retrying_count, snoozed_count, waiting_count, ready_count, running_count, oldest_due_ms,
    enqueued_count, done_count, failed_count, dead_count, busy_ms, wait_histogram, run_histogram)
  with full_keys as materialized (
    select t.concurrency_key from jobs.tasks t where t.concurrency_slot is not null group by t.concurrency_key having count(*) >= max(t.concurrency_limit)
  ), live as (
    select t.queue, t.kind, t.created_at, t.started_at, t.run_at,
      case
        when t.status = 'running' then 'running'
        when t.run_at > now() then case when t.snoozed then 'snoozed' when t.attempts > 0 then 'retrying' else 'scheduled' end
        when t.rank = 'infinity' or t.concurrency_key in (select concurrency_key from full_keys) then 'waiting'
        else 'ready'
      end as state
    from jobs.tasks t
  ), standing as (
    select l.queue, l.kind, count(*) filter (where l.state = 'scheduled') as scheduled, count(*) filter (where l.state = 'retrying') as retrying,
      count(*) filter (where l.state = 'snoozed') as snoozed, count(*) filter (where l.state = 'waiting') as waiting,
      count(*) filter (where l.state = 'ready') as ready, count(*) filter (where l.state = 'running') as running,
      extract(epoch from now() - min(greatest(l.run_at, l.created_at)) filter (where l.state in ('ready', 'waiting'))) * 1000 as oldest,
      count(*) filter (where l.created_at >= v_from and l.created_at < p_minute) as enqueued,
      sum(extract(epoch from least(p_minute, now()) - greatest(l.started_at, v_from)) * 1000) filter (where l.state = 'running' and l.started_at < p_minute) as busy
    from live l group by l.queue, l.kind
  ), ended as (
    select h.queue, h.kind, count(*) filter (where h.status = 'done') as done, count(*) filter (where h.status = 'dead') as dead,
      count(*) filter (where h.created_at >= v_from and h.created_at < p_minute) as enqueued,
      sum(extract(epoch from h.finished_at - greatest(h.started_at, v_from)) * 1000) filter (where h.status = 'done') as busy,
      jobs.histogram(array_agg(jobs.bucket(extract(epoch from h.started_at - greatest(h.run_at, h.created_at)) * 1000)) filter (where h.status = 'done')) as waits,
      jobs.histogram(array_agg(jobs.bucket(extract(epoch from h.finished_at - h.started_at) * 1000)) filter (where h.status in ('done', 'dead') and h.started_at is not null)) as runs
    from jobs.task_history h
    where h.finished_at >= v_from and h.finished_at < p_minute
    group by h.queue, h.kind
  ), failed as (
    select t.queue, t.kind, count(*) as failed
    from jobs.task_attempts a join jobs.all_tasks t on t.id = a.task_id
    where a.ended_at >= v_from and a.ended_at < p_minute and a.outcome in ('failed', 'rescued')
    group by t.queue, t.kind
  )
  select p_minute, n.queue, n.kind, coalesce(s.scheduled, 0), coalesce(s.retrying, 0), coalesce(s.snoozed, 0), coalesce(s.waiting, 0),
    coalesce(s.ready, 0), coalesce(s.running, 0), s.oldest, coalesce(s.enqueued, 0) + coalesce(e.enqueued, 0), coalesce(e.done, 0),
    coalesce(f.failed, 0) + coalesce(e.dead, 0), coalesce(e.dead, 0), greatest(0, coalesce(s.busy, 0) + coalesce(e.busy, 0)), coalesce(e.waits, '{}'),
    coalesce(e.runs, '{}')
  from (select queue, kind from standing union select queue, kind from ended union select queue, kind from failed) n
  left join standing s using (queue, kind)
  left join ended e using (queue, kind)
  left join failed f using (queue, kind)
  on conflict do nothing;
  get diagnostics v_rows = row_count;
  perform jobs.sum_hours(p_minute);
  return v_rows;
end
$$;

-- Takes dead tasks of which nobody was told yet, the oldest first. The caller tells in the same transaction: a task is
-- told of exactly once, however its last attempt ended (failed, panicked, late, unreadable, or with its process).
create function jobs.tell_dead(p_limit integer) returns table (id uuid, kind text, unique_key text) language sql security definer
set search_path = pg_catalog, pg_temp as $$
  update jobs.task_history h set told = true
  from (
    select x.id, x.finished_at from jobs.task_history x where x.status = 'dead' and not x.told
    order by x.finished_at limit p_limit for update skip locked
  ) n
  where h.id = n.id and h.finished_at = n.finished_at
  returning h.id, h.kind, h.unique_key
$$;

select jobs.keep_task_days(7);

revoke execute on function jobs.register_worker, jobs.unregister_worker, jobs.drain_worker, jobs.return_unknown, jobs.fire_cron, jobs.enqueue_cron,
  jobs.run_cron, jobs.pause_cron, jobs.keep_cron, jobs.keep_task_days, jobs.kept_until, jobs.prune_tasks, jobs.cancel_task, jobs.revive,
  jobs.retry_task, jobs.discard_task, jobs.undo_discard, jobs.run_now, jobs.set_priority, jobs.set_queue, jobs.snooze_failure, jobs.start_bulk, jobs.stop_bulk, jobs.begin_bulk, jobs.apply_bulk,
  jobs.advance_bulk, jobs.tell_dead, jobs.bucket,
  jobs.histogram, jobs.add_histograms, jobs.sum_hours, jobs.sample from public;
grant execute on function jobs.register_worker, jobs.unregister_worker to mipo_manager, mipo_dispatcher, mipo_backup;
grant execute on function jobs.fire_cron, jobs.keep_cron, jobs.keep_task_days, jobs.prune_tasks, jobs.sample, jobs.return_unknown, jobs.tell_dead to mipo_dispatcher;
grant execute on function jobs.cancel_task, jobs.retry_task, jobs.discard_task, jobs.undo_discard, jobs.run_now, jobs.set_priority to mipo_manager, mipo_dispatcher;
grant execute on function jobs.run_cron, jobs.pause_cron, jobs.set_queue, jobs.drain_worker, jobs.snooze_failure, jobs.start_bulk, jobs.stop_bulk
  to mipo_manager;
grant execute on function jobs.begin_bulk, jobs.apply_bulk, jobs.advance_bulk to mipo_dispatcher;
