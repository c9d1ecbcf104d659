-- A port is observed open once by a job, however often its parts were sent or its task ran.
select job_id::text as job, host(ip) as ip, port::text, protocol, count(*)::text as rows
from results.open_observations
group by job_id, ip, port, protocol
having count(*) > 1
