-- What a queue looks like after a week of heavy use: settings bench.live and bench.ended say how many rows.
--
-- Days that are over get their partitions first; rows come in the order of their ends, as they do in life.
do $$
declare
  v_day date;
begin
  for v_day in select d::date from generate_series((now() at time zone 'UTC')::date - 7, (now() at time zone 'UTC')::date - 2, interval '1 day') d loop
    execute format('create table jobs.task_history_%s (like jobs.task_history including defaults including constraints)', to_char(v_day, 'YYYYMMDD'));
    execute format('alter table jobs.task_history attach partition jobs.task_history_%s for values from (%L) to (%L)', to_char(v_day, 'YYYYMMDD'),
      v_day::timestamp at time zone 'UTC', (v_day + 1)::timestamp at time zone 'UTC');
  end loop;
end
$$;

create function pg_temp.id_of(p_at timestamptz, p_n bigint) returns uuid language sql immutable as $$
  select (lpad(to_hex((extract(epoch from p_at) * 1000)::bigint), 12, '0') || '7' || substr(md5(p_n::text), 1, 3) || '8' || substr(md5(p_n::text), 4, 15))::uuid
$$;

-- Where a task of that number belongs; results are most of the work.
create table pg_temp.kinds (slot integer primary key, queue text, kind text);
insert into pg_temp.kinds
select slot, case when slot < 70 then 'results' when slot < 85 then 'conclude' when slot < 90 then 'planning' when slot < 94 then 'repair'
    when slot < 97 then 'notifications' else 'maintenance' end,
  case when slot < 70 then 'store_results' when slot < 80 then 'conclude_job' when slot < 85 then 'conclude_scan' when slot < 90 then 'plan_scan'
    when slot < 94 then 'repair_redispatch' when slot < 97 then 'deliver_notification' else 'prune_events' end
from generate_series(0, 99) slot;

insert into jobs.workers (id, name, service, host, pid, version, queues, slots, lease_until, started_at, last_seen_at)
select format('dispatcher-%s-01KB0000000000000000%s', n, lpad(n::text, 6, '0')), 'dispatcher-' || n, 'dispatcher', 'host-' || n % 8, 1000 + n, '0.1.0',
  '{planning,results,conclude,repair}', 40, case when n % 10 > 0 then now() + interval '1 hour' end, now() - interval '7 days', now() - (n % 10 = 0)::int * interval '5 minutes'
from generate_series(1, 40) n;

-- Of ten thousand tasks 60 are dead, of forty kinds of failure; 30 were cancelled and 10 discarded.
insert into jobs.task_history (id, queue, kind, payload, status, priority, attempts, max_attempts, run_at, locked_by, started_at, last_error, fingerprint, log,
  created_by, created_at, finished_at, discarded_from, discarded_at, told)
select pg_temp.id_of(t.at, t.n), k.queue, k.kind, jsonb_build_object('v', 1, 'ids', jsonb_build_object('scanId', t.n % 20000, 'jobId', t.n % 300000)),
  t.status, (t.n % 3)::smallint, case t.status when 'dead' then 3 else 1 end, 3, t.at, 1 + t.n % 40, t.at + interval '40 ms',
  case when t.status = 'dead' then format('connection to host %s refused: no route (code %s)', t.n % 40, t.n % 40) end,
  case when t.status = 'dead' then md5((t.n % 40)::text) end, case when t.status = 'dead' then repeat('a line of the log of that attempt' || chr(10), 6) end,
  'dispatcher', t.at, t.at + interval '90 ms', case when t.status = 'discarded' then 'dead' end, case when t.status = 'discarded' then t.at + interval '90 ms' end,
  t.status = 'dead'
from (
  select n, now() - interval '7 days' + n * (interval '7 days' - interval '1 minute') / current_setting('bench.ended')::float8 as at,
    case when n % 10000 < 60 then 'dead' when n % 10000 < 90 then 'cancelled' when n % 10000 < 100 then 'discarded' else 'done' end as status
  from generate_series(1, current_setting('bench.ended')::bigint) n
) t join pg_temp.kinds k on k.slot = (t.n / 7) % 100;

insert into jobs.task_attempts (task_id, attempt, worker, started_at, ended_at, outcome, error, fingerprint, log)
select h.id, a, 1 + a, h.created_at - (3 - a) * interval '1 second', h.created_at - (3 - a) * interval '1 second' + interval '80 ms', 'failed', h.last_error,
  h.fingerprint, h.log
from jobs.task_history h, generate_series(1, 2) a where h.status = 'dead';

-- Of ten live tasks six are due later, two are ready, and the others wait for their next attempt.
insert into jobs.tasks (id, queue, kind, payload, priority, max_attempts, run_at, rank, created_by, created_at, attempts, snoozed, last_error, fingerprint)
select pg_temp.id_of(t.at, -t.n), k.queue, k.kind, jsonb_build_object('v', 1, 'ids', jsonb_build_object('scanId', t.n % 20000, 'jobId', t.n % 300000)),
  (t.n % 3)::smallint, 10, t.run_at, jobs.rank(t.run_at, (t.n % 3)::smallint), 'dispatcher', t.at, (t.n % 10 > 7)::int, t.n % 10 = 7,
  case when t.n % 10 > 7 then format('host %s did not answer in time', t.n % 40) end, case when t.n % 10 > 7 then md5('live' || t.n % 40) end
from (
  select n, now() - interval '1 hour' + n * interval '1 hour' / current_setting('bench.live')::float8 as at,
    case when n % 10 between 6 and 7 then now() - n % 600 * interval '1 second' else now() + (60 + n % 86400) * interval '1 second' end as run_at
  from generate_series(1, current_setting('bench.live')::bigint) n
) t join pg_temp.kinds k on k.slot = t.n % 100;

update jobs.tasks set status = 'running', attempts = greatest(attempts, 1), lease_token = gen_random_uuid(), locked_by = (1 + abs(hashtext(id::text)) % 40),
  started_at = now() - interval '2 seconds', snoozed = false, last_error = null, fingerprint = null
where id in (select id from jobs.tasks where run_at <= now() order by rank limit 10 + current_setting('bench.live')::bigint / 3000);

insert into jobs.queue_samples (at, queue, kind, scheduled_count, retrying_count, ready_count, running_count, oldest_due_ms, enqueued_count, done_count, failed_count,
  dead_count, busy_ms, wait_histogram, run_histogram)
select m, k.queue, k.kind, 600, 40, 3, 2, 800, 900, 890, 8, 1, 9000, array[0,0,0,300,400,150,40], array[0,0,0,0,200,500,160,30]
from generate_series(date_trunc('minute', now()) - interval '30 days', date_trunc('minute', now()), interval '1 minute') m,
  (select distinct queue, kind from pg_temp.kinds) k
where extract(epoch from m)::bigint / 60 % (60 * 24 * 30 / current_setting('bench.minutes')::bigint) = 0;

insert into jobs.queue_hours (at, queue, kind, enqueued_count, done_count, failed_count, dead_count, busy_ms, wait_histogram, run_histogram)
select h, k.queue, k.kind, 54000, 53400, 480, 60, 540000, array[0,0,0,18000,24000,9000,2400], array[0,0,0,0,12000,30000,9600,1800]
from generate_series(date_trunc('hour', now()) - interval '30 days', date_trunc('hour', now()) - interval '1 hour', interval '1 hour') h,
  (select distinct queue, kind from pg_temp.kinds) k;
