-- One job finds one change of a port.
select job_id::text as job, host(ip) as ip, port::text, protocol, count(*)::text as rows
from results.port_changes
where port is not null
group by job_id, ip, port, protocol
having count(*) > 1
