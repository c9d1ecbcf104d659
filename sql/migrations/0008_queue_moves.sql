-- The moves of a task: enqueued, claimed, renewed, ended, rescued. They follow the pure machine of shared/queue
-- (state.rs); a property test holds them to it. The first section is for those who enqueue, the rest for workers.
--
-- Functions that run all the time keep their plans (force_generic_plan), and are kept from plans that suit an empty
-- table: no sequential scan, hash or merge join, no just-in-time compilation for a cost that only says "forbidden".

-- True when the role of this connection works on the queue; its owner and superusers always do.
create function jobs.works_on(p_workers text[]) returns boolean language sql stable as $$
  select session_user like 'mipo\_%' and substr(session_user, 6) = any (p_workers) or pg_has_role(session_user, 'mipo_owner', 'member')
$$;

-- True while a task of the group is pending or running.
create function jobs.group_lives(p_group text) returns boolean language sql stable as $$
  select exists (select from jobs.tasks g where g.group_key = p_group)
$$;

-- Enqueues in the caller's transaction. Answers the ids by position; a task that was skipped has none.
--
-- A task whose key is held by a pending one: that row is locked until the caller commits (KEY SHARE against the
-- claim's FOR UPDATE SKIP LOCKED), so that whoever runs it sees what the caller wrote. Without the lock it could be
-- claimed, look, and finish before the caller's commit, and the caller's work would wait for nobody.
--
-- p_ids: an id that the caller minted, for payloads that are sealed to their row; else null.
create function jobs.enqueue(
  p_ids uuid[], p_queues text[], p_kinds text[], p_payloads jsonb[], p_sealed bytea[], p_priorities smallint[], p_max_attempts integer[],
  p_run_ats timestamptz[], p_delays double precision[], p_unique_keys text[], p_on_conflict text[], p_concurrency_keys text[],
  p_concurrency_limits smallint[], p_groups text[], p_waits_for text[], p_traceparents text[], p_created_by text[]
) returns table (ordinal bigint, task_id uuid) language plpgsql security definer
set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan set jit = off as $$
#variable_conflict use_column
declare
  r record;
  v_id uuid;
  -- Who enqueues, unless the task says it: the service's own name.
  v_by text := coalesce(nullif(current_setting('application_name', true), ''), session_user);
begin
  -- Ingest faces the internet: it hands over results and ended jobs, nothing else.
  if session_user = 'mipo_ingest' and exists (select from unnest(p_queues, p_kinds) i (queue, kind)
    where (i.queue, i.kind) not in (('results', 'store_results'), ('conclude', 'conclude_job'))) then
    raise insufficient_privilege using message = 'ingest may not enqueue tasks of this kind';
  end if;

  return query
  with input as materialized (
    select i.n, coalesce(i.id, jobs.new_task_id()) as id, i.queue, i.kind, i.payload, i.sealed, i.priority, i.max_attempts,
      coalesce(i.run_at, now()) + coalesce(i.delay, 0) * interval '1 second' as run_at, i.ckey, i.climit, i.grp, i.waits, i.trace,
      coalesce(i.creator, v_by) as creator
    from unnest(p_ids, p_queues, p_kinds, p_payloads, p_sealed, p_priorities, p_max_attempts, p_run_ats, p_delays, p_unique_keys, p_concurrency_keys,
      p_concurrency_limits, p_groups, p_waits_for, p_traceparents, p_created_by)
      with ordinality i (id, queue, kind, payload, sealed, priority, max_attempts, run_at, delay, ukey, ckey, climit, grp, waits, trace, creator, n)
    where i.ukey is null
  ), added as (
    insert into jobs.tasks (id, queue, kind, payload, payload_sealed, priority, max_attempts, run_at, rank, concurrency_key, concurrency_limit,
      group_key, waits_for, traceparent, created_by)
    select id, queue, kind, payload, sealed, priority, max_attempts, run_at,
      case when waits is null then jobs.rank(run_at, priority) else 'infinity' end, ckey, climit, grp, waits, trace, creator
    from input
  )
  select n, id from input;

  -- In the order of their keys, so that two callers never wait for each other in a circle.
  if exists (select from unnest(p_unique_keys) k where k is not null) then
    for r in
      select i.*, coalesce(i.run_at, now()) + coalesce(i.delay, 0) * interval '1 second' as due
      from unnest(p_ids, p_queues, p_kinds, p_payloads, p_sealed, p_priorities, p_max_attempts, p_run_ats, p_delays, p_unique_keys, p_on_conflict,
        p_concurrency_keys, p_concurrency_limits, p_groups, p_waits_for, p_traceparents, p_created_by)
        with ordinality i (id, queue, kind, payload, sealed, priority, max_attempts, run_at, delay, ukey, conflict, ckey, climit, grp, waits, trace, creator, n)
      where i.ukey is not null
      order by i.ukey, i.n
    loop
      loop
        insert into jobs.tasks (id, queue, kind, payload, payload_sealed, priority, max_attempts, run_at, rank, unique_key, concurrency_key,
          concurrency_limit, group_key, waits_for, traceparent, created_by)
        values (coalesce(r.id, jobs.new_task_id()), r.queue, r.kind, r.payload, r.sealed, r.priority, r.max_attempts, r.due,
          case when r.waits is null then jobs.rank(r.due, r.priority) else 'infinity' end, r.ukey, r.ckey, r.climit, r.grp, r.waits, r.trace,
          coalesce(r.creator, v_by))
        on conflict (unique_key) where unique_key is not null do nothing
        returning id into v_id;
        if found then
          ordinal := r.n; task_id := v_id;
          return next;
          exit;
        end if;

        if r.conflict = 'skip' then
          perform from jobs.tasks t where t.unique_key = r.ukey for key share;
          if found then
            -- The claim passes over the locked row, so its queue is told when the lock goes.
            perform pg_notify('mipo_tasks', r.queue);
            exit;
          end if;
        else
          update jobs.tasks t set
            run_at = r.due,
            rank = case
              when coalesce(case when r.conflict = 'replace' then r.waits else t.waits_for end, '') <> '' then 'infinity'
              else jobs.rank(r.due, case when r.conflict = 'replace' then r.priority else t.priority end)
            end,
            snoozed = false,
            payload = case when r.conflict = 'replace' then r.payload else t.payload end,
            payload_sealed = case when r.conflict = 'replace' then r.sealed else t.payload_sealed end,
            priority = case when r.conflict = 'replace' then r.priority else t.priority end,
            max_attempts = case when r.conflict = 'replace' then greatest(r.max_attempts, t.attempts + 1) else t.max_attempts end,
            concurrency_key = case when r.conflict = 'replace' then r.ckey else t.concurrency_key end,
            concurrency_limit = case when r.conflict = 'replace' then r.climit else t.concurrency_limit end,
            group_key = case when r.conflict = 'replace' then r.grp else t.group_key end,
            waits_for = case when r.conflict = 'replace' then r.waits else t.waits_for end,
            traceparent = case when r.conflict = 'replace' then r.trace else t.traceparent end,
            created_by = case when r.conflict = 'replace' then coalesce(r.creator, v_by) else t.created_by end
          where t.unique_key = r.ukey and (r.sealed is null or r.conflict <> 'replace')
          returning t.id into v_id;
          if found then
            perform pg_notify('mipo_tasks', r.queue);
            ordinal := r.n; task_id := v_id;
            return next;
            exit;
          end if;
          -- A sealed payload belongs to its row: the old row goes, and the new one comes under its own id.
          if r.sealed is not null then
            delete from jobs.tasks t where t.unique_key = r.ukey;
          end if;
        end if;
        -- It was claimed between the two statements: its key is free again.
      end loop;
    end loop;
  end if;

  -- A group of which nothing lives any more is not waited for.
  if exists (select from unnest(p_waits_for) k where k is not null) then
    perform jobs.release_waiting(p_waits_for);
  end if;
end
$$;

-- Lets tasks into the line whose group has ended; null: of any group. What is missed here, because the last member of
-- the group ended in a transaction that was not yet visible, is found by jobs.rescue within seconds.
create function jobs.release_waiting(p_groups text[]) returns void language plpgsql as $$
declare
  v_queue text;
begin
  for v_queue in
    with released as (
      update jobs.tasks t set rank = jobs.rank(t.run_at, t.priority)
      where t.waits_for is not null and (p_groups is null or t.waits_for = any (p_groups)) and t.rank = 'infinity' and t.status = 'pending'
        and not jobs.group_lives(t.waits_for)
      returning t.queue
    )
    select distinct queue from released
  loop
    perform pg_notify('mipo_tasks', v_queue);
  end loop;
end
$$;

-- Moves a locked row to the history.
create function jobs.archive(t jobs.tasks, p_status text, p_error text, p_fingerprint text, p_log text) returns void language sql as $$
  with gone as (delete from jobs.tasks x where x.id = t.id)
  insert into jobs.task_history (id, queue, kind, payload, payload_sealed, status, priority, attempts, max_attempts, run_at, unique_key,
    concurrency_key, concurrency_limit, group_key, waits_for, locked_by, started_at, last_error, fingerprint, log, traceparent, created_by, created_at,
    finished_at, discarded_from, discarded_at)
  values (t.id, t.queue, t.kind, t.payload, t.payload_sealed, p_status, t.priority, t.attempts, t.max_attempts, t.run_at,
    coalesce(t.unique_key, t.claimed_key), t.concurrency_key, t.concurrency_limit, t.group_key, t.waits_for, t.locked_by, t.started_at, p_error,
    p_fingerprint, p_log, t.traceparent, t.created_by, t.created_at, clock_timestamp(), case when p_status = 'discarded' then t.status end,
    case when p_status = 'discarded' then clock_timestamp() end)
$$;

-- Lets go of a running task whose row is locked. When another pending task holds its key, or a transaction that is
-- still open is about to, it goes back without its key: the other one stands for it.
create function jobs.put_back(t jobs.tasks, p_attempts integer, p_run_at timestamptz, p_snoozed boolean, p_error text, p_fingerprint text, p_log text)
returns void language plpgsql as $$
declare
  -- Never far behind the line: workers look at what was due long ago only now and then.
  v_rank timestamptz := greatest(jobs.rank(p_run_at, t.priority), clock_timestamp() - interval '90 seconds');
begin
  if t.claimed_key is not null then
    begin
      set local lock_timeout = '100ms';
      update jobs.tasks x set status = 'pending', attempts = p_attempts, run_at = p_run_at, rank = v_rank, snoozed = p_snoozed,
        cancel_requested = false, unique_key = x.claimed_key, claimed_key = null, lease_token = null, concurrency_slot = null, bounded = false,
        last_error = p_error, fingerprint = p_fingerprint, log = p_log
      where x.id = t.id;
      set local lock_timeout = '0';
      return;
    exception when unique_violation or lock_not_available then
      null;
    end;
  end if;
  update jobs.tasks x set status = 'pending', attempts = p_attempts, run_at = p_run_at, rank = v_rank, snoozed = p_snoozed,
    cancel_requested = false, claimed_key = null, lease_token = null, concurrency_slot = null, bounded = false, last_error = p_error,
    fingerprint = p_fingerprint, log = p_log
  where x.id = t.id;
end
$$;

-- Keeps the row of an attempt that ended without ending its task.
create function jobs.keep_attempt(t jobs.tasks, p_outcome text, p_error text, p_fingerprint text, p_log text) returns void language sql as $$
  insert into jobs.task_attempts (task_id, attempt, worker, started_at, ended_at, outcome, error, fingerprint, log)
  values (t.id, t.attempts, t.locked_by, t.started_at, greatest(clock_timestamp(), t.started_at), p_outcome, p_error, p_fingerprint, p_log)
  on conflict (task_id, started_at) do nothing
$$;

-- Ends one attempt in any way but done. False: the lease is not the caller's any more. `failed` waits for the kind's
-- back-off ± 20 %, so that what failed together does not come back together; `retry` waits as long as it said.
create function jobs.end_attempt(p_id uuid, p_token uuid, p_outcome text, p_delay double precision, p_error text, p_fingerprint text, p_log text)
returns boolean language plpgsql as $$
declare
  t jobs.tasks;
  v_due timestamptz := clock_timestamp()
    + coalesce(p_delay, 0) * case when p_outcome = 'failed' then 0.8 + 0.4 * random() else 1 end * interval '1 second';
begin
  select * into t from jobs.tasks x where x.id = p_id and x.lease_token = p_token and x.status = 'running' for update;
  if not found then
    return false;
  end if;
  if p_outcome = 'dead' or (p_outcome in ('failed', 'retry') and not t.cancel_requested and t.attempts >= t.max_attempts) then
    perform jobs.archive(t, 'dead', p_error, p_fingerprint, p_log);
  elsif p_outcome = 'cancelled' or t.cancel_requested then
    perform jobs.archive(t, 'cancelled', p_error, p_fingerprint, p_log);
  elsif p_outcome in ('failed', 'retry') then
    perform jobs.keep_attempt(t, 'failed', p_error, p_fingerprint, p_log);
    perform jobs.put_back(t, t.attempts, v_due, false, p_error, p_fingerprint, p_log);
  elsif p_outcome = 'snoozed' then
    perform jobs.put_back(t, t.attempts - 1, v_due, true, t.last_error, t.fingerprint, p_log);
  elsif p_outcome = 'returned' then
    perform jobs.put_back(t, t.attempts - 1, t.run_at, false, t.last_error, t.fingerprint, t.log);
    perform pg_notify('mipo_tasks', t.queue);
  else
    raise exception 'unknown outcome %', p_outcome;
  end if;
  return true;
end
$$;

-- Tells the queues of tasks that waited for one of these keys, and lets in those that waited for one of these groups.
create function jobs.tell_of_freed(p_keys text[], p_groups text[]) returns void language plpgsql as $$
begin
  if cardinality(p_keys) > 0 then
    perform pg_notify('mipo_tasks', w.queue) from (
      select distinct t.queue from jobs.tasks t where t.concurrency_key = any (p_keys) and t.status = 'pending'
    ) w;
  end if;
  if cardinality(p_groups) > 0 then
    perform jobs.release_waiting(p_groups);
  end if;
end
$$;

-- One round trip: acknowledges the attempts that ended and claims for the slots that are free.
--
-- Rows answered: `ended` (token: the answer was accepted; one that is missing was stale), `claimed`, `more` (queue:
-- there were at least as many as asked for), `due` (queue, due_in seconds: when to look again), `unknown` (this worker
-- is not registered: nothing was claimed).
--
-- Each statement of a volatile function has its own snapshot: the count under the key's advisory lock sees what the
-- last holder of that lock committed, so a bound is exact over all processes.
--
-- p_floors: below this rank nothing was pending when this process last looked; null = look at everything. Under a
-- transaction that holds back the vacuum, the dead entries at the start of the index are so passed over.
create function jobs.exchange(
  p_worker integer, p_lease double precision,
  p_done_ids uuid[], p_done_tokens uuid[], p_log_tokens uuid[], p_logs text[],
  p_ended_ids uuid[], p_ended_tokens uuid[], p_outcomes text[], p_delays double precision[], p_errors text[], p_fingerprints text[], p_ended_logs text[],
  p_queues text[], p_slots integer[], p_floors timestamptz[], p_kinds text[]
) returns table (what text, id uuid, token uuid, queue text, kind text, payload jsonb, payload_sealed bytea, attempts integer, max_attempts integer,
  traceparent text, due_in double precision, waited double precision, looked_at timestamptz)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v_keys text[];
  v_groups text[];
  v_tokens uuid[];
  r record;
begin
  if cardinality(p_done_ids) > 0 then
    with gone as (
      delete from jobs.tasks t using unnest(p_done_ids, p_done_tokens) d (id, token)
      where t.id = d.id and t.lease_token = d.token returning t.*
    ), kept as (
      insert into jobs.task_history (id, queue, kind, payload, payload_sealed, status, priority, attempts, max_attempts, run_at, unique_key,
        concurrency_key, concurrency_limit, group_key, waits_for, locked_by, started_at, last_error, fingerprint, log, traceparent, created_by,
        created_at, finished_at)
      select g.id, g.queue, g.kind, g.payload, g.payload_sealed, 'done', g.priority, g.attempts, g.max_attempts, g.run_at, g.claimed_key,
        g.concurrency_key, g.concurrency_limit, g.group_key, g.waits_for, g.locked_by, g.started_at, g.last_error, g.fingerprint,
        case when cardinality(p_log_tokens) > 0 then (select l.log from unnest(p_log_tokens, p_logs) l (token, log) where l.token = g.lease_token) end,
        g.traceparent, g.created_by, g.created_at, clock_timestamp()
      from gone g
    )
    select array_agg(g.lease_token), coalesce(array_agg(distinct g.concurrency_key) filter (where g.concurrency_key is not null), '{}'),
      coalesce(array_agg(distinct g.group_key) filter (where g.group_key is not null), '{}')
    into v_tokens, v_keys, v_groups from gone g;
    what := 'ended';
    foreach token in array coalesce(v_tokens, '{}') loop
      return next;
    end loop;
    perform jobs.tell_of_freed(v_keys, v_groups);
  end if;

  if cardinality(p_ended_ids) > 0 then
    for r in
      select i.*, t.concurrency_key, t.group_key
      from unnest(p_ended_ids, p_ended_tokens, p_outcomes, p_delays, p_errors, p_fingerprints, p_ended_logs)
        i (id, token, outcome, delay, error, fingerprint, log)
      left join jobs.tasks t on t.id = i.id
      order by i.id
    loop
      if jobs.end_attempt(r.id, r.token, r.outcome, r.delay, r.error, r.fingerprint, r.log) then
        what := 'ended'; token := r.token;
        return next;
        perform jobs.tell_of_freed(array_remove(array[r.concurrency_key], null), array_remove(array[r.group_key], null));
      end if;
    end loop;
  end if;

  if cardinality(p_queues) > 0 then
    -- Against jobs.rescue, which returns all that a silent worker holds: what is claimed here is either seen by it, or
    -- claimed under a lease that it finds renewed.
    perform pg_advisory_xact_lock_shared(x'6d69'::integer, p_worker);
    if not jobs.keep_lease(p_worker, p_lease) then
      what := 'unknown'; token := null;
      return next;
      return;
    end if;
    for r in
      select i.* from unnest(p_queues, p_slots, p_floors) i (name, slots, floor) where i.slots > 0 order by i.name
    loop
      return query select * from jobs.claim(p_worker, r.name, r.slots, r.floor, p_kinds);
    end loop;
  end if;
end
$$;

-- Renews the lease of a worker that is about to claim, when it nears its end. False: there is no such worker.
create function jobs.keep_lease(p_worker integer, p_lease double precision) returns boolean language plpgsql as $$
declare
  v_until timestamptz;
begin
  select w.lease_until into v_until from jobs.workers w where w.no = p_worker;
  if not found then
    return false;
  end if;
  if v_until is null or v_until < clock_timestamp() + 0.3 * p_lease * interval '1 second' then
    update jobs.workers w set lease_until = clock_timestamp() + p_lease * interval '1 second', stopped_at = null where w.no = p_worker;
  end if;
  return true;
end
$$;

-- Claims at most p_slots tasks of one queue.
create function jobs.claim(p_worker integer, p_queue text, p_slots integer, p_floor timestamptz, p_kinds text[])
returns table (what text, id uuid, token uuid, queue text, kind text, payload jsonb, payload_sealed bytea, attempts integer, max_attempts integer,
  traceparent text, due_in double precision, waited double precision, looked_at timestamptz)
language plpgsql
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  q jobs.queues;
  r record;
  v_now timestamptz;
  v_slots integer := p_slots;
  v_ids uuid[];
  v_ranks timestamptz[];
  v_claimed integer := 0;
  v_keyed boolean;
  v_slot smallint;
  v_started integer;
  v_oldest timestamptz;
  v_wait double precision;
begin
  select * into q from jobs.queues x where x.name = p_queue;
  if not found or q.paused or not jobs.works_on(q.workers) then
    return;
  end if;

  if q.max_running is not null or q.rate_limit is not null then
    if not pg_try_advisory_xact_lock(hashtextextended('queue:' || q.name, 0)) then
      what := 'due'; queue := q.name; due_in := 0.01;
      return next;
      return;
    end if;
    if q.max_running is not null then
      select least(v_slots, q.max_running - count(*)) into v_slots from jobs.tasks t where t.queue = q.name and t.bounded;
    end if;
    if q.rate_limit is not null and v_slots > 0 then
      v_now := clock_timestamp() - q.rate_seconds * interval '1 second';
      delete from jobs.queue_starts s where s.queue = q.name and s.at <= v_now;
      select coalesce(sum(s.count), 0), min(s.at) into v_started, v_oldest from jobs.queue_starts s where s.queue = q.name and s.at > v_now;
      if v_started >= q.rate_limit then
        what := 'due'; queue := q.name; due_in := greatest(0.001, extract(epoch from v_oldest - v_now));
        return next;
        return;
      end if;
      v_slots := least(v_slots, q.rate_limit - v_started);
    end if;
    if v_slots <= 0 then
      return;
    end if;
  end if;

  v_now := clock_timestamp();
  -- Those without a key, locked in the order of the line.
  select array_agg(n.id), array_agg(n.rank) into v_ids, v_ranks from (
    select t.id, t.rank from jobs.tasks t
    where t.queue = q.name and t.concurrency_key is null and t.rank <= v_now and t.rank >= coalesce(p_floor, '-infinity')
      and t.status = 'pending' and t.run_at <= v_now and t.kind = any (p_kinds)
    order by t.rank, t.id
    limit v_slots
    for update skip locked
  ) n;

  v_keyed := exists (select from jobs.tasks t where t.queue = q.name and t.concurrency_key is not null and t.rank <= v_now);
  if v_keyed then
    for r in select * from jobs.keyed_heads(q.name, v_slots, v_now, p_kinds) loop
      exit when v_claimed >= v_slots;
      -- Those without a key that stand before it go first.
      continue when (select count(*) from unnest(v_ranks) rank where rank < r.rank) + v_claimed >= v_slots;
      if not pg_try_advisory_xact_lock(hashtextextended('key:' || r.concurrency_key, 0)) then
        v_wait := 0.01;
        continue;
      end if;
      select s into v_slot from generate_series(1, r.concurrency_limit) s
      where (select count(*) from jobs.tasks k where k.concurrency_key = r.concurrency_key and k.concurrency_slot is not null) < r.concurrency_limit
        and not exists (select from jobs.tasks k where k.concurrency_key = r.concurrency_key and k.concurrency_slot = s)
      order by s limit 1;
      continue when not found;
      return query
      update jobs.tasks t set status = 'running', attempts = t.attempts + 1, lease_token = gen_random_uuid(), locked_by = p_worker,
        started_at = v_now, snoozed = false, concurrency_slot = v_slot, bounded = q.max_running is not null, claimed_key = t.unique_key,
        unique_key = null
      where t.id = (select x.id from jobs.tasks x where x.id = r.id and x.status = 'pending' and x.run_at <= v_now for update skip locked)
      returning 'claimed', t.id, t.lease_token, t.queue, t.kind, t.payload, t.payload_sealed, t.attempts, t.max_attempts, t.traceparent,
        null::double precision, extract(epoch from v_now - greatest(t.run_at, t.created_at))::double precision, v_now;
      if found then
        v_claimed := v_claimed + 1;
      end if;
    end loop;
  end if;

  if v_ids is not null then
    v_ids := v_ids[1:v_slots - v_claimed];
    return query
    update jobs.tasks t set status = 'running', attempts = t.attempts + 1, lease_token = gen_random_uuid(), locked_by = p_worker,
      started_at = v_now, snoozed = false, bounded = q.max_running is not null, claimed_key = t.unique_key, unique_key = null
    where t.id = any (v_ids)
    returning 'claimed', t.id, t.lease_token, t.queue, t.kind, t.payload, t.payload_sealed, t.attempts, t.max_attempts, t.traceparent,
      null::double precision, extract(epoch from v_now - greatest(t.run_at, t.created_at))::double precision, v_now;
    v_claimed := v_claimed + cardinality(v_ids);
  end if;
  if q.rate_limit is not null and v_claimed > 0 then
    insert into jobs.queue_starts (queue, at, count) values (q.name, v_now, v_claimed);
  end if;

  id := null; token := null; kind := null; payload := null; payload_sealed := null; waited := null;
  queue := q.name; looked_at := v_now;
  if v_claimed >= v_slots then
    what := 'more'; due_in := null;
    return next;
    return;
  end if;
  select extract(epoch from min(n.run_at) - clock_timestamp()) into due_in
  from (
    select t.run_at from jobs.tasks t
    where t.queue = q.name and t.run_at > t.created_at and t.run_at > v_now and t.status = 'pending' and t.kind = any (p_kinds)
    order by t.run_at limit 1
  ) n;
  what := 'due'; due_in := least(due_in, v_wait);
  return next;
end
$$;

-- The heads of keys that are free, in the order of the line: at most p_slots, and of each key no more than may begin.
-- First among the next in line; where all of those stand before closed doors, key by key (a loose index scan), so
-- that thousands of tasks of one busy key cost no more than one.
create function jobs.keyed_heads(p_queue text, p_slots integer, p_now timestamptz, p_kinds text[])
returns table (id uuid, concurrency_key text, concurrency_limit smallint, rank timestamptz) language plpgsql
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v_window integer := 100 + 2 * p_slots;
  v_heads jsonb;
  v_seen integer;
begin
  with near as materialized (
    select t.id, t.concurrency_key, t.concurrency_limit, t.rank,
      row_number() over (partition by t.concurrency_key order by t.rank, t.id) as nth
    from (
      select x.id, x.concurrency_key, x.concurrency_limit, x.rank from jobs.tasks x
      where x.queue = p_queue and x.concurrency_key is not null and x.rank <= p_now and x.status = 'pending' and x.run_at <= p_now
        and x.kind = any (p_kinds)
      order by x.rank, x.id limit v_window
    ) t
  ), busy as materialized (
    select k.concurrency_key, (select count(*) from jobs.tasks r where r.concurrency_key = k.concurrency_key and r.concurrency_slot is not null) as running
    from (select distinct concurrency_key from near) k
  ), free as (
    select n.* from near n, busy b where b.concurrency_key = n.concurrency_key and n.nth <= n.concurrency_limit - b.running
    order by n.rank, n.id limit p_slots
  )
  select (select count(*) from near), (select jsonb_agg(f order by f.rank, f.id) from free f) into v_seen, v_heads;

  if v_seen < v_window or jsonb_array_length(coalesce(v_heads, '[]')) >= p_slots then
    return query
    select h.id, h.concurrency_key, h.concurrency_limit, h.rank
    from jsonb_to_recordset(coalesce(v_heads, '[]')) h (id uuid, concurrency_key text, concurrency_limit smallint, rank timestamptz)
    order by h.rank, h.id;
    return;
  end if;

  return query
  with recursive keys as (
    (select x.concurrency_key from jobs.tasks x where x.queue = p_queue and x.concurrency_key is not null order by x.concurrency_key limit 1)
    union all
    select (select x.concurrency_key from jobs.tasks x where x.queue = p_queue and x.concurrency_key > k.concurrency_key
      order by x.concurrency_key limit 1)
    from keys k where k.concurrency_key is not null
  )
  select h.id, h.concurrency_key, h.concurrency_limit, h.rank
  from keys k
  cross join lateral (select count(*) as running from jobs.tasks r where r.concurrency_key = k.concurrency_key and r.concurrency_slot is not null) b
  cross join lateral (
    select x.id, x.concurrency_key, x.concurrency_limit, x.rank, row_number() over (order by x.rank, x.id) as nth
    from (
      select y.* from jobs.tasks y
      where y.queue = p_queue and y.concurrency_key = k.concurrency_key and y.rank <= p_now and y.status = 'pending' and y.run_at <= p_now
        and y.kind = any (p_kinds)
      order by y.rank, y.id limit p_slots
    ) x
  ) h
  where k.concurrency_key is not null and h.nth <= h.concurrency_limit - b.running
  order by h.rank, h.id limit p_slots;
end
$$;

-- One statement a process every 10 s: its heartbeat, and with it the lease of everything that it holds. Answers the
-- tokens that are still its own, and whether somebody asked for their cancellation; one that is missing is lost. A
-- worker that is not known any more gets no row at all, not even the one without a token.
create function jobs.renew(p_worker integer, p_lease double precision, p_stale bigint, p_ids uuid[], p_tokens uuid[])
returns table (token uuid, cancel_requested boolean, drain boolean) language plpgsql security definer
set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
begin
  update jobs.workers w set last_seen_at = clock_timestamp(), lease_until = clock_timestamp() + p_lease * interval '1 second', stale_count = p_stale,
    held = p_tokens, stopped_at = null
  where w.no = p_worker
  returning w.drain_requested_at is not null into drain;
  if not found then
    return;
  end if;
  return next;
  return query
  select t.lease_token, t.cancel_requested, drain
  from unnest(p_ids, p_tokens) h (id, token) join jobs.tasks t on t.id = h.id and t.lease_token = h.token;
end
$$;

-- Returns what workers hold whose lease ran out to pending, attempts kept; what has none left is dead. Any process
-- does it for all. A worker's tasks are found by looking at the whole table: that a process dies is rare, and an index
-- over who holds what would be written twice for each task.
create function jobs.rescue() returns integer language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  w record;
  t jobs.tasks;
  v_count integer := 0;
begin
  perform jobs.release_waiting(null);
  for w in select x.no, x.id from jobs.workers x where x.lease_until < clock_timestamp() order by x.no loop
    -- Somebody else returns them just now, or the worker itself is back and claims.
    continue when not pg_try_advisory_xact_lock(x'6d69'::integer, w.no);
    perform from jobs.workers x where x.no = w.no and x.lease_until < clock_timestamp() for update;
    continue when not found;
    for t in select * from jobs.tasks x where x.locked_by = w.no and x.status = 'running' order by x.id for update loop
      perform jobs.let_go(t, format('lease lost: worker %s stopped renewing it', w.id));
      v_count := v_count + 1;
    end loop;
    update jobs.workers x set lease_until = null where x.no = w.no;
  end loop;
  return v_count;
end
$$;

-- Ends the attempt of a task whose worker is gone. Its row is locked.
create function jobs.let_go(t jobs.tasks, p_error text) returns void language plpgsql as $$
begin
  if t.cancel_requested then
    perform jobs.archive(t, 'cancelled', p_error, t.kind || ':lease_lost', t.log);
  elsif t.attempts >= t.max_attempts then
    perform jobs.archive(t, 'dead', p_error, t.kind || ':lease_lost', t.log);
  else
    perform jobs.keep_attempt(t, 'rescued', p_error, t.kind || ':lease_lost', null);
    perform jobs.put_back(t, t.attempts, clock_timestamp(), false, p_error, t.kind || ':lease_lost', null);
    perform pg_notify('mipo_tasks', t.queue);
  end if;
  perform jobs.tell_of_freed(array_remove(array[t.concurrency_key], null), array_remove(array[t.group_key], null));
end
$$;

-- Hands back what a process holds without knowing it: an exchange committed, and its answer was lost on the way.
create function jobs.give_back_unknown(p_worker integer, p_tokens uuid[]) returns integer language plpgsql security definer
set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  t jobs.tasks;
  v_count integer := 0;
begin
  for t in
    select * from jobs.tasks x where x.locked_by = p_worker and x.status = 'running' and x.lease_token <> all (p_tokens) for update skip locked
  loop
    perform jobs.end_attempt(t.id, t.lease_token, 'returned', 0, null, null, null);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;

revoke execute on function jobs.works_on, jobs.group_lives, jobs.enqueue, jobs.release_waiting, jobs.archive, jobs.put_back, jobs.keep_attempt,
  jobs.end_attempt, jobs.tell_of_freed, jobs.exchange, jobs.keep_lease, jobs.claim, jobs.keyed_heads, jobs.renew, jobs.rescue, jobs.let_go,
  jobs.give_back_unknown from public;
grant execute on function jobs.enqueue to mipo_manager, mipo_ingest, mipo_dispatcher, mipo_backup;
grant execute on function jobs.exchange, jobs.renew, jobs.rescue, jobs.give_back_unknown to mipo_manager, mipo_dispatcher, mipo_backup;
