-- The moves of a task: enqueued, claimed, renewed, ended, rescued. They follow the pure machine of shared/queue
-- (state.rs); a property test holds them to it. The first section is for those who enqueue, the rest for workers.

-- True when the role of this connection works on the queue; its owner and superusers always do.
create function jobs.works_on(p_workers text[]) returns boolean language sql stable as $$
  select session_user like 'mipo\_%' and substr(session_user, 6) = any (p_workers) or pg_has_role(session_user, 'mipo_owner', 'member')
$$;

-- Enqueues in the caller's transaction. Answers the ids by position; a task that was skipped has none.
--
-- A task whose key is held by a pending one: that row is locked until the caller commits (KEY SHARE against the
-- claim's FOR UPDATE SKIP LOCKED), so that whoever runs it sees what the caller wrote. Without the lock it could be
-- claimed, look, and finish before the caller's commit, and the caller's work would wait for nobody.
create function jobs.enqueue(
  p_queues text[], p_kinds text[], p_payloads jsonb[], p_priorities smallint[], p_max_attempts integer[], p_run_ats timestamptz[],
  p_delays double precision[], p_unique_keys text[], p_on_conflict text[], p_concurrency_keys text[], p_concurrency_limits smallint[],
  p_groups text[], p_waits_for text[], p_trace_ids text[], p_created_by text[]
) returns table (ordinal bigint, task_id uuid) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  r record;
  v_id uuid;
  -- Who enqueues, unless the task says it: the service's own name.
  v_by text := coalesce(nullif(current_setting('application_name', true), ''), session_user);
begin
  -- Ingest faces the internet: it hands over results and ended jobs, nothing else.
  if session_user = 'mipo_ingest' and not p_queues <@ array['results', 'conclude'] then
    raise insufficient_privilege using message = 'ingest may not enqueue to this queue';
  end if;

  return query
  with input as materialized (
    select i.n, jobs.new_task_id() as id, i.queue, i.kind, i.payload, i.priority, i.max_attempts,
      coalesce(i.run_at, now()) + make_interval(secs => coalesce(i.delay, 0)) as run_at, i.ckey, i.climit, i.grp, i.waits, i.trace, coalesce(i.creator, v_by) as creator
    from unnest(p_queues, p_kinds, p_payloads, p_priorities, p_max_attempts, p_run_ats, p_delays, p_unique_keys, p_concurrency_keys,
      p_concurrency_limits, p_groups, p_waits_for, p_trace_ids, p_created_by)
      with ordinality i (queue, kind, payload, priority, max_attempts, run_at, delay, ukey, ckey, climit, grp, waits, trace, creator, n)
    where i.ukey is null
  ), added as (
    insert into jobs.tasks (id, queue, kind, payload, priority, max_attempts, run_at, concurrency_key, concurrency_limit, group_key, waits_for,
      trace_id, created_by)
    select id, queue, kind, payload, priority, max_attempts, run_at, ckey, climit, grp, waits, trace, creator from input
  )
  select n, id from input;

  -- In the order of their keys, so that two callers never wait for each other in a circle.
  for r in
    select i.*, coalesce(i.run_at, now()) + make_interval(secs => coalesce(i.delay, 0)) as due
    from unnest(p_queues, p_kinds, p_payloads, p_priorities, p_max_attempts, p_run_ats, p_delays, p_unique_keys, p_on_conflict,
      p_concurrency_keys, p_concurrency_limits, p_groups, p_waits_for, p_trace_ids, p_created_by)
      with ordinality i (queue, kind, payload, priority, max_attempts, run_at, delay, ukey, conflict, ckey, climit, grp, waits, trace, creator, n)
    where i.ukey is not null
    order by i.ukey, i.n
  loop
    loop
      insert into jobs.tasks (queue, kind, payload, priority, max_attempts, run_at, unique_key, concurrency_key, concurrency_limit, group_key,
        waits_for, trace_id, created_by)
      values (r.queue, r.kind, r.payload, r.priority, r.max_attempts, r.due, r.ukey, r.ckey, r.climit, r.grp, r.waits, r.trace, coalesce(r.creator, v_by))
      on conflict (unique_key) where status = 'pending' and unique_key is not null do nothing
      returning id into v_id;
      if found then
        ordinal := r.n; task_id := v_id;
        return next;
        exit;
      end if;

      if r.conflict = 'skip' then
        perform from jobs.tasks t where t.unique_key = r.ukey and t.status = 'pending' for key share;
        if found then
          -- The claim passes over the locked row, so its queue is told when the lock goes.
          perform pg_notify('mipo_tasks', r.queue);
          exit;
        end if;
      else
        update jobs.tasks t set
          run_at = r.due,
          snoozed = false,
          payload = case when r.conflict = 'replace' then r.payload else t.payload end,
          priority = case when r.conflict = 'replace' then r.priority else t.priority end,
          max_attempts = case when r.conflict = 'replace' then greatest(r.max_attempts, t.attempts + 1) else t.max_attempts end,
          concurrency_key = case when r.conflict = 'replace' then r.ckey else t.concurrency_key end,
          concurrency_limit = case when r.conflict = 'replace' then r.climit else t.concurrency_limit end,
          group_key = case when r.conflict = 'replace' then r.grp else t.group_key end,
          waits_for = case when r.conflict = 'replace' then r.waits else t.waits_for end,
          trace_id = case when r.conflict = 'replace' then r.trace else t.trace_id end,
          created_by = case when r.conflict = 'replace' then coalesce(r.creator, v_by) else t.created_by end
        where t.unique_key = r.ukey and t.status = 'pending'
        returning t.id into v_id;
        if found then
          perform pg_notify('mipo_tasks', r.queue);
          ordinal := r.n; task_id := v_id;
          return next;
          exit;
        end if;
      end if;
      -- It was claimed between the two statements: its key is free again.
    end loop;
  end loop;
end
$$;

-- Moves a locked row to the history.
create function jobs.archive(t jobs.tasks, p_status text, p_error text, p_fingerprint text) returns void language sql as $$
  with gone as (delete from jobs.tasks x where x.id = t.id)
  insert into jobs.task_history (id, queue, kind, payload, payload_sealed, status, priority, attempts, max_attempts, run_at, unique_key,
    concurrency_key, concurrency_limit, group_key, waits_for, locked_by, started_at, last_error, fingerprint, trace_id, created_by, created_at,
    finished_at)
  values (t.id, t.queue, t.kind, t.payload, t.payload_sealed, p_status, t.priority, t.attempts, t.max_attempts, t.run_at, t.unique_key,
    t.concurrency_key, t.concurrency_limit, t.group_key, t.waits_for, t.locked_by, t.started_at, p_error, p_fingerprint, t.trace_id, t.created_by,
    t.created_at, clock_timestamp())
$$;

-- Lets go of a running task whose row is locked. When another pending task holds its key, or a transaction that is
-- still open is about to, it goes back without its key: the other one stands for it.
create function jobs.put_back(t jobs.tasks, p_attempts integer, p_run_at timestamptz, p_snoozed boolean, p_error text, p_fingerprint text)
returns void language plpgsql as $$
begin
  if t.unique_key is not null then
    begin
      set local lock_timeout = '100ms';
      update jobs.tasks x set status = 'pending', attempts = p_attempts, run_at = p_run_at, snoozed = p_snoozed, cancel_requested = false,
        lease_token = null, lease_until = null, concurrency_slot = null, last_error = p_error, fingerprint = p_fingerprint
      where x.id = t.id;
      set local lock_timeout = '0';
      return;
    exception when unique_violation or lock_not_available then
      null;
    end;
  end if;
  update jobs.tasks x set status = 'pending', attempts = p_attempts, run_at = p_run_at, snoozed = p_snoozed, cancel_requested = false,
    unique_key = null, lease_token = null, lease_until = null, concurrency_slot = null, last_error = p_error, fingerprint = p_fingerprint
  where x.id = t.id;
end
$$;

-- Ends one attempt in any way but done. False: the lease is not the caller's any more. `failed` waits for the kind's
-- back-off ± 20 %, so that what failed together does not come back together; `retry` waits as long as it said.
create function jobs.end_attempt(p_id uuid, p_token uuid, p_outcome text, p_delay double precision, p_error text, p_fingerprint text)
returns boolean language plpgsql as $$
declare
  t jobs.tasks;
  v_due timestamptz := clock_timestamp()
    + make_interval(secs => coalesce(p_delay, 0) * case when p_outcome = 'failed' then 0.8 + 0.4 * random() else 1 end);
begin
  select * into t from jobs.tasks x where x.id = p_id and x.lease_token = p_token and x.status = 'running' for update;
  if not found then
    return false;
  end if;
  if p_outcome = 'dead' or (p_outcome in ('failed', 'retry') and not t.cancel_requested and t.attempts >= t.max_attempts) then
    perform jobs.archive(t, 'dead', p_error, p_fingerprint);
  elsif p_outcome = 'cancelled' or t.cancel_requested then
    perform jobs.archive(t, 'cancelled', p_error, p_fingerprint);
  elsif p_outcome in ('failed', 'retry') then
    insert into jobs.task_attempts (task_id, attempt, worker, started_at, ended_at, outcome, error, fingerprint, trace_id)
    values (t.id, t.attempts, t.locked_by, t.started_at, greatest(clock_timestamp(), t.started_at), 'failed', p_error, p_fingerprint, t.trace_id);
    perform jobs.put_back(t, t.attempts, v_due, false, p_error, p_fingerprint);
  elsif p_outcome = 'snoozed' then
    perform jobs.put_back(t, t.attempts - 1, v_due, true, t.last_error, t.fingerprint);
  elsif p_outcome = 'returned' then
    perform jobs.put_back(t, t.attempts - 1, t.run_at, false, t.last_error, t.fingerprint);
    perform pg_notify('mipo_tasks', t.queue);
  else
    raise exception 'unknown outcome %', p_outcome;
  end if;
  return true;
end
$$;

-- Tells the queues of tasks that waited for one of these keys or groups.
create function jobs.tell_of_freed(p_keys text[], p_groups text[]) returns void language plpgsql as $$
begin
  if cardinality(p_keys) > 0 or cardinality(p_groups) > 0 then
    perform pg_notify('mipo_tasks', w.queue) from (
      select distinct t.queue from jobs.tasks t where t.status = 'pending' and t.concurrency_key = any (p_keys)
      union
      select distinct t.queue from jobs.tasks t where t.waits_for = any (p_groups)
    ) w;
  end if;
end
$$;

-- One round trip: acknowledges the attempts that ended and claims for the slots that are free.
--
-- Rows answered: `ended` (id: the answer was accepted; one that is missing was stale), `claimed`, `more` (queue: there
-- were at least as many as asked for), `due` (queue, due_in seconds: the next one that is scheduled).
--
-- Joining the acknowledged arrays makes the planner loop; "= any" on both id and token is exact, because a token is
-- unique. Each statement of a volatile function has its own snapshot: the count under the key's advisory lock sees
-- what the last holder of that lock committed, so a key's bound is exact over all processes.
create function jobs.exchange(
  p_worker text, p_lease double precision,
  p_done_ids uuid[], p_done_tokens uuid[],
  p_ended_ids uuid[], p_ended_tokens uuid[], p_outcomes text[], p_delays double precision[], p_errors text[], p_fingerprints text[],
  p_queues text[], p_slots integer[], p_kinds text[]
) returns table (what text, id uuid, token uuid, queue text, kind text, payload jsonb, attempts integer, max_attempts integer, trace_id text,
  due_in double precision)
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_until timestamptz;
  v_keys text[];
  v_groups text[];
  v_free uuid[];
  v_keyed uuid[];
  v_slots integer;
  v_slot smallint;
  v_found integer;
  q jobs.queues;
  r record;
begin
  if cardinality(p_done_ids) > 0 then
    with gone as (
      delete from jobs.tasks t where t.id = any (p_done_ids) and t.lease_token = any (p_done_tokens) and t.status = 'running' returning t.*
    ), kept as (
      insert into jobs.task_history (id, queue, kind, payload, payload_sealed, status, priority, attempts, max_attempts, run_at, unique_key,
        concurrency_key, concurrency_limit, group_key, waits_for, locked_by, started_at, last_error, fingerprint, trace_id, created_by,
        created_at, finished_at)
      select g.id, g.queue, g.kind, g.payload, g.payload_sealed, 'done', g.priority, g.attempts, g.max_attempts, g.run_at, g.unique_key,
        g.concurrency_key, g.concurrency_limit, g.group_key, g.waits_for, g.locked_by, g.started_at, g.last_error, g.fingerprint, g.trace_id,
        g.created_by, g.created_at, clock_timestamp()
      from gone g
    )
    select array_agg(g.id), coalesce(array_agg(distinct g.concurrency_key) filter (where g.concurrency_key is not null), '{}'),
      coalesce(array_agg(distinct g.group_key) filter (where g.group_key is not null), '{}')
    into v_free, v_keys, v_groups from gone g;
    what := 'ended';
    foreach id in array coalesce(v_free, '{}') loop
      return next;
    end loop;
    perform jobs.tell_of_freed(v_keys, v_groups);
  end if;

  for r in
    select i.*, t.concurrency_key, t.group_key
    from unnest(p_ended_ids, p_ended_tokens, p_outcomes, p_delays, p_errors, p_fingerprints) i (id, token, outcome, delay, error, fingerprint)
    left join jobs.tasks t on t.id = i.id
    order by i.id
  loop
    if jobs.end_attempt(r.id, r.token, r.outcome, r.delay, r.error, r.fingerprint) then
      what := 'ended'; id := r.id;
      return next;
      perform jobs.tell_of_freed(array_remove(array[r.concurrency_key], null), array_remove(array[r.group_key], null));
    end if;
  end loop;

  for r in select i.name, i.slots from unnest(p_queues, p_slots) i (name, slots) where i.slots > 0 loop
    select * into q from jobs.queues x where x.name = r.name;
    continue when not found or q.paused or not jobs.works_on(q.workers);
    v_slots := r.slots;
    if q.max_running is not null then
      continue when not pg_try_advisory_xact_lock(hashtextextended('queue:' || q.name, 0));
      select least(v_slots, q.max_running - count(*)) into v_slots from jobs.tasks t where t.queue = q.name and t.status = 'running';
      continue when v_slots <= 0;
    end if;
    v_now := clock_timestamp();
    v_until := v_now + make_interval(secs => p_lease);

    select array_agg(c.id) filter (where c.concurrency_key is null), array_agg(c.id) filter (where c.concurrency_key is not null), count(*)
    into v_free, v_keyed, v_found
    from (
      select n.id, n.concurrency_key
      from generate_series(9, 0, -1) p
      cross join lateral (
        select t.id, t.concurrency_key from jobs.tasks t
        where t.status = 'pending' and t.queue = q.name and t.priority = p::smallint and t.run_at <= v_now and t.kind = any (p_kinds)
          and (t.waits_for is null or not exists (select from jobs.tasks g where g.group_key = t.waits_for))
          and (t.concurrency_key is null or (select count(*) from jobs.tasks k
            where k.concurrency_key = t.concurrency_key and k.status = 'running') < t.concurrency_limit)
        order by t.run_at, t.id
        limit v_slots
        for update skip locked
      ) n
      limit v_slots
    ) c;

    if v_free is not null then
      return query
      update jobs.tasks t set status = 'running', attempts = t.attempts + 1, lease_token = gen_random_uuid(), lease_until = v_until,
        locked_by = p_worker, started_at = v_now, snoozed = false
      where t.id = any (v_free)
      returning 'claimed', t.id, t.lease_token, t.queue, t.kind, t.payload, t.attempts, t.max_attempts, t.trace_id, null::double precision;
    end if;

    if v_keyed is not null then
      for r in select t.id, t.concurrency_key, t.concurrency_limit from jobs.tasks t where t.id = any (v_keyed) order by t.priority desc, t.run_at, t.id loop
        continue when not pg_try_advisory_xact_lock(hashtextextended('key:' || r.concurrency_key, 0));
        select s into v_slot from generate_series(1, r.concurrency_limit) s
        where (select count(*) from jobs.tasks k where k.concurrency_key = r.concurrency_key and k.status = 'running') < r.concurrency_limit
          and not exists (select from jobs.tasks k
            where k.concurrency_key = r.concurrency_key and k.status = 'running' and k.concurrency_slot = s)
        order by s limit 1;
        continue when not found;
        return query
        update jobs.tasks t set status = 'running', attempts = t.attempts + 1, lease_token = gen_random_uuid(), lease_until = v_until,
          locked_by = p_worker, started_at = v_now, snoozed = false, concurrency_slot = v_slot
        where t.id = r.id
        returning 'claimed', t.id, t.lease_token, t.queue, t.kind, t.payload, t.attempts, t.max_attempts, t.trace_id, null::double precision;
      end loop;
    end if;

    id := null; token := null; kind := null; payload := null;
    queue := q.name;
    if v_found >= v_slots then
      what := 'more'; due_in := null;
      return next;
    end if;
    select extract(epoch from min(n.run_at) - clock_timestamp()) into due_in
    from generate_series(9, 0, -1) p
    cross join lateral (
      select t.run_at from jobs.tasks t
      where t.status = 'pending' and t.queue = q.name and t.priority = p::smallint and t.run_at > v_now and t.kind = any (p_kinds)
      order by t.run_at limit 1
    ) n;
    if due_in is not null then
      what := 'due';
      return next;
    end if;
  end loop;
end
$$;

-- One statement a process every 10 s: its heartbeat, and the leases of all its tasks. Answers those that are still
-- held, and whether somebody asked for their cancellation; one that is missing is lost.
create function jobs.renew(
  p_worker text, p_lease double precision, p_running integer, p_stale bigint, p_ids uuid[], p_tokens uuid[]
) returns table (id uuid, cancel_requested boolean) language sql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
  with beat as (
    update jobs.workers w set last_seen_at = clock_timestamp(), running = p_running, stale_count = p_stale, stopped_at = null where w.id = p_worker
  )
  update jobs.tasks t set lease_until = clock_timestamp() + make_interval(secs => p_lease)
  where t.id = any (p_ids) and t.lease_token = any (p_tokens) and t.status = 'running'
  returning t.id, t.cancel_requested
$$;

-- Returns tasks whose lease ran out to pending, attempts kept; those that have none left are dead. Any process does
-- it for all.
create function jobs.rescue() returns integer language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
  t jobs.tasks;
  v_count integer := 0;
  v_error text;
begin
  for t in
    select * from jobs.tasks x where x.status = 'running' and x.lease_until < clock_timestamp() order by x.id limit 500 for update skip locked
  loop
    v_count := v_count + 1;
    v_error := format('lease lost: worker %s stopped renewing it', t.locked_by);
    if t.cancel_requested then
      perform jobs.archive(t, 'cancelled', v_error, t.kind || ':lease_lost');
    elsif t.attempts >= t.max_attempts then
      perform jobs.archive(t, 'dead', v_error, t.kind || ':lease_lost');
    else
      insert into jobs.task_attempts (task_id, attempt, worker, started_at, ended_at, outcome, error, fingerprint, trace_id)
      values (t.id, t.attempts, t.locked_by, t.started_at, greatest(clock_timestamp(), t.started_at), 'rescued', v_error, t.kind || ':lease_lost', t.trace_id);
      perform jobs.put_back(t, t.attempts, clock_timestamp(), false, v_error, t.kind || ':lease_lost');
      perform pg_notify('mipo_tasks', t.queue);
    end if;
    perform jobs.tell_of_freed(array_remove(array[t.concurrency_key], null), array_remove(array[t.group_key], null));
  end loop;
  return v_count;
end
$$;

-- Hands back what a process holds without knowing it: an exchange committed, and its answer was lost on the way.
create function jobs.give_back_unknown(p_worker text, p_tokens uuid[]) returns integer language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
  t jobs.tasks;
  v_count integer := 0;
begin
  for t in
    select * from jobs.tasks x where x.status = 'running' and x.locked_by = p_worker and x.lease_token <> all (p_tokens) for update skip locked
  loop
    perform jobs.end_attempt(t.id, t.lease_token, 'returned', 0, null, null);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;

revoke execute on function jobs.works_on, jobs.enqueue, jobs.archive, jobs.put_back, jobs.end_attempt, jobs.tell_of_freed, jobs.exchange,
  jobs.renew, jobs.rescue, jobs.give_back_unknown from public;
grant execute on function jobs.enqueue to mipo_manager, mipo_ingest, mipo_dispatcher, mipo_backup;
grant execute on function jobs.exchange, jobs.renew, jobs.rescue, jobs.give_back_unknown to mipo_manager, mipo_dispatcher, mipo_backup;
