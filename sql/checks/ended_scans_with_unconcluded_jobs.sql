-- A scan ends when the results of its last job are state.
select s.id::text as scan, s.status, j.id::text as job, j.status as job_status
from results.scans s join jobs.scan_jobs j on j.scan_id = s.id
where s.completed_at is not null and j.kind = 'sweep' and j.concluded_at is null
