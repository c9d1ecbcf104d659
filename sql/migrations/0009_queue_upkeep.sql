-- What keeps the queue going: its workers, its clock, the days of its history, and what people do to single tasks.

-- A process says who it is, and at its end that it is gone.
create function jobs.register_worker(p_id text, p_name text, p_service text, p_host text, p_pid integer, p_version text, p_queues text[], p_slots integer)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into jobs.workers (id, name, service, host, pid, version, queues, slots)
  values (p_id, p_name, p_service, p_host, p_pid, p_version, p_queues, p_slots)
  on conflict (id) do update set queues = excluded.queues, slots = excluded.slots, last_seen_at = clock_timestamp()
$$;

create function jobs.unregister_worker(p_id text, p_stale bigint) returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.workers set stopped_at = clock_timestamp(), last_seen_at = clock_timestamp(), running = 0, stale_count = p_stale where id = p_id
$$;

-- Fires one tick exactly once over all replicas: whoever moves last_tick enqueues, the others see another value.
create function jobs.fire_cron(p_name text, p_last timestamptz, p_tick timestamptz, p_skip boolean, p_max_attempts integer)
returns boolean language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  c jobs.cron;
begin
  update jobs.cron x set last_tick = p_tick, updated_at = now() where x.name = p_name and x.last_tick = p_last and p_tick > p_last and not x.paused
  returning * into c;
  if not found then
    return false;
  end if;
  if not p_skip then
    insert into jobs.tasks (queue, kind, payload, max_attempts, unique_key, created_by)
    values (c.queue, c.kind, c.payload, p_max_attempts, 'cron:' || p_name, 'cron')
    on conflict (unique_key) where status = 'pending' and unique_key is not null do nothing;
  end if;
  return true;
end
$$;

-- The entries that the code knows. What an operator changed (paused) stays; entries that are gone from the code go.
create function jobs.keep_cron(p_names text[], p_schedules text[], p_queues text[], p_kinds text[], p_payloads jsonb[])
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from jobs.cron c where c.name <> all (p_names);
  insert into jobs.cron (name, schedule, queue, kind, payload)
  select * from unnest(p_names, p_schedules, p_queues, p_kinds, p_payloads)
  on conflict (name) do update set schedule = excluded.schedule, queue = excluded.queue, kind = excluded.kind, payload = excluded.payload,
    updated_at = now(), version = jobs.cron.version + 1
  where (jobs.cron.schedule, jobs.cron.queue, jobs.cron.kind, jobs.cron.payload) is distinct from
    (excluded.schedule, excluded.queue, excluded.kind, excluded.payload)
$$;

-- Makes the partitions of yesterday to p_ahead days from now. Rows that came before their day was made move into it.
create function jobs.keep_task_days(p_ahead integer) returns integer language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
  v_day date;
  v_name text;
  v_made integer := 0;
begin
  for v_day in select d::date from generate_series((now() at time zone 'UTC')::date - 1, (now() at time zone 'UTC')::date + p_ahead, interval '1 day') d loop
    v_name := 'task_history_' || to_char(v_day, 'YYYYMMDD');
    continue when to_regclass('jobs.' || v_name) is not null;
    lock table jobs.task_history_default in access exclusive mode;
    execute format('create table jobs.%I (like jobs.task_history including defaults including constraints)', v_name);
    execute format('with moved as (delete from jobs.task_history_default where finished_at >= %1$L and finished_at < %2$L returning *)
      insert into jobs.%3$I select * from moved', v_day::timestamp at time zone 'UTC', (v_day + 1)::timestamp at time zone 'UTC', v_name);
    execute format('alter table jobs.task_history attach partition jobs.%I for values from (%L) to (%L)', v_name,
      v_day::timestamp at time zone 'UTC', (v_day + 1)::timestamp at time zone 'UTC');
    v_made := v_made + 1;
  end loop;
  return v_made;
end
$$;

-- Deletes at most p_batch rows that are past their time; a day without dead tasks goes as a whole. Answers how many
-- rows or days went: call it again until 0.
create function jobs.prune_tasks(p_days integer, p_dead_days integer, p_batch integer) returns bigint language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
  v_day record;
  v_dead boolean;
  v_gone bigint := 0;
  v_ids uuid[];
begin
  for v_day in
    select c.relname, to_date(substr(c.relname, 14), 'YYYYMMDD') as day
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'jobs.task_history'::regclass and c.relname ~ '^task_history_[0-9]{8}$'
      and to_date(substr(c.relname, 14), 'YYYYMMDD') < (now() at time zone 'UTC')::date - least(p_days, p_dead_days)
    order by c.relname
  loop
    v_dead := false;
    if v_day.day >= (now() at time zone 'UTC')::date - p_dead_days then
      execute format('select exists (select from jobs.%I where status = ''dead'')', v_day.relname) into v_dead;
    end if;
    continue when not v_dead and v_day.day >= (now() at time zone 'UTC')::date - p_days;
    if v_dead then
      execute format('with old as (select id from jobs.%1$I where status <> ''dead'' limit $1),
        gone as (delete from jobs.%1$I h using old where h.id = old.id returning h.id) select array_agg(id) from gone', v_day.relname)
      using p_batch into v_ids;
      if v_ids is not null then
        delete from jobs.task_attempts a where a.task_id = any (v_ids);
        return cardinality(v_ids);
      end if;
    else
      execute format('delete from jobs.task_attempts a using jobs.%I h where a.task_id = h.id', v_day.relname);
      execute format('drop table jobs.%I', v_day.relname);
      return 1;
    end if;
  end loop;

  with old as (
    select h.id, h.finished_at from jobs.task_history_default h
    where h.finished_at < now() - make_interval(days => case when h.status = 'dead' then p_dead_days else p_days end) limit p_batch
  ), gone as (
    delete from jobs.task_history_default h using old where h.id = old.id and h.finished_at = old.finished_at returning h.id
  )
  select array_agg(id) into v_ids from gone;
  if v_ids is not null then
    delete from jobs.task_attempts a where a.task_id = any (v_ids);
    return cardinality(v_ids);
  end if;

  with old as (select s.ctid from jobs.queue_samples s where s.at < now() - interval '30 days' limit p_batch)
  delete from jobs.queue_samples s using old where s.ctid = old.ctid;
  get diagnostics v_gone = row_count;
  if v_gone > 0 then
    return v_gone;
  end if;

  delete from jobs.workers w where w.last_seen_at < now() - make_interval(days => p_dead_days);
  get diagnostics v_gone = row_count;
  return v_gone;
end
$$;

-- Cancels: a pending task ends at once; the worker of a running one hears of it with its next renewal.
create function jobs.cancel_task(p_id uuid) returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  t jobs.tasks;
begin
  select * into t from jobs.tasks x where x.id = p_id for update;
  if not found then
    return null;
  elsif t.status = 'pending' then
    perform jobs.archive(t, 'cancelled', t.last_error, t.fingerprint);
    perform jobs.tell_of_freed('{}', array_remove(array[t.group_key], null));
    return 'cancelled';
  end if;
  update jobs.tasks x set cancel_requested = true where x.id = p_id;
  return 'running';
end
$$;

-- Gives a dead, cancelled or discarded task its kind's attempts once more, under its own id.
create function jobs.retry_task(p_id uuid, p_attempts integer) returns boolean language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
  h jobs.task_history;
begin
  select * into h from jobs.task_history x where x.id = p_id and x.status in ('dead', 'cancelled') for update;
  if not found then
    return false;
  end if;
  delete from jobs.task_history x where x.id = h.id and x.finished_at = h.finished_at;
  if h.status = 'dead' and h.started_at is not null and h.attempts >= 1 then
    insert into jobs.task_attempts (task_id, attempt, worker, started_at, ended_at, outcome, error, fingerprint, trace_id)
    values (h.id, h.attempts, coalesce(h.locked_by, ''), h.started_at, greatest(h.finished_at, h.started_at), 'failed', h.last_error, h.fingerprint, h.trace_id)
    on conflict do nothing;
  end if;
  insert into jobs.tasks (id, queue, kind, payload, payload_sealed, priority, attempts, max_attempts, unique_key, concurrency_key, concurrency_limit,
    group_key, waits_for, locked_by, started_at, last_error, fingerprint, trace_id, created_by, created_at)
  values (h.id, h.queue, h.kind, h.payload, h.payload_sealed, h.priority, h.attempts, h.attempts + p_attempts,
    case when not exists (select from jobs.tasks o where o.unique_key = h.unique_key and o.status = 'pending') then h.unique_key end,
    h.concurrency_key, h.concurrency_limit, h.group_key, h.waits_for, h.locked_by, h.started_at, h.last_error, h.fingerprint, h.trace_id,
    h.created_by, h.created_at);
  return true;
end
$$;

select jobs.keep_task_days(7);

revoke execute on function jobs.register_worker, jobs.unregister_worker, jobs.fire_cron, jobs.keep_cron, jobs.keep_task_days, jobs.prune_tasks,
  jobs.cancel_task, jobs.retry_task from public;
grant execute on function jobs.register_worker, jobs.unregister_worker to mipo_manager, mipo_dispatcher, mipo_backup;
grant execute on function jobs.fire_cron, jobs.keep_cron, jobs.keep_task_days, jobs.prune_tasks to mipo_dispatcher;
grant execute on function jobs.cancel_task, jobs.retry_task to mipo_manager, mipo_dispatcher;
