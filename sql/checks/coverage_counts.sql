-- The verdicts of a host are at most its ports, and as many are open as were observed open.
select c.job_id::text as job, host(c.ip) as ip, s.count::text as ports, c.open_count::text as open,
       (c.closed_count + c.filtered_count + c.error_count + c.not_probed_count)::text as others
from results.coverage c
left join results.port_sets s on s.id = c.port_set_id
where s.id is null
   or c.open_count + c.closed_count + c.filtered_count + c.error_count + c.not_probed_count > s.count
