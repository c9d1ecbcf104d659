-- A scan ends after all of its jobs; a completed one has only completed sweeps.
select s.id::text as scan, s.status as scan_status, j.id::text as job, j.status as job_status
from results.scans s
join jobs.scan_jobs j on j.scan_id = s.id
where s.completed_at is not null
  and (j.finished_at is null or (s.status = 'completed' and j.kind = 'sweep' and j.status <> 'completed'))
