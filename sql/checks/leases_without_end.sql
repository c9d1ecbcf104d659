-- Whoever works on any queue returns what a silent worker held within seconds.
select t.id::text as task, w.id as worker, (now() - w.lease_until)::text as expired_for
from jobs.tasks t left join jobs.workers w on w.no = t.locked_by
where t.status = 'running' and (w.no is null or w.lease_until is null or w.lease_until < now() - interval '1 minute')
  and exists (select from jobs.workers o where o.stopped_at is null and o.last_seen_at > now() - interval '20 seconds')
