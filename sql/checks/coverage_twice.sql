-- A host is covered once by a job.
select job_id::text as job, host(ip) as ip, protocol, count(*)::text as rows
from results.coverage
group by job_id, ip, protocol, scanner_id
having count(*) > 1
