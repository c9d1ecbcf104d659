-- Each concluded sweep has one receipt, which says how the job ended; nothing else has one. Of a scan that is gone nothing
-- can be proved.
select j.id::text as job, j.kind, j.status, j.concluded_at::text, r.final_status as receipt
from jobs.scan_jobs j
left join results.receipts r on r.job_id = j.id
where (j.kind = 'sweep' and exists (select from results.scans s where s.id = j.scan_id) and (j.concluded_at is not null) <> (r.job_id is not null))
   or (j.kind = 'confirm' and r.job_id is not null)
   or r.final_status <> j.status
