-- A job is concluded when every part is stored; its working rows are gone by then.
select j.id::text as job,
       (select count(*) from jobs.result_parts p where p.job_id = j.id and p.stored_at is null)::text as unstored_parts,
       (select count(*) from jobs.job_hosts h where h.job_id = j.id)::text as working_rows
from jobs.scan_jobs j
where j.concluded_at is not null
  and (exists (select from jobs.result_parts p where p.job_id = j.id and p.stored_at is null)
       or exists (select from jobs.job_hosts h where h.job_id = j.id))
