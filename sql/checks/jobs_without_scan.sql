-- A scan job belongs to a scan; no foreign key crosses the schemas.
select j.id::text as job, j.scan_id::text as scan
from jobs.scan_jobs j
where not exists (select from results.scans s where s.id = j.scan_id)
