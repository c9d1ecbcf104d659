-- Whoever works on any queue returns expired leases within seconds.
select t.id::text as task, t.locked_by as worker, (now() - t.lease_until)::text as expired_for
from jobs.tasks t
where t.status = 'running' and t.lease_until < now() - interval '1 minute'
  and exists (select from jobs.workers w where w.stopped_at is null and w.last_seen_at > now() - interval '20 seconds')
