-- An open port lies in what was covered of its host, and is not filtered there.
select p.scanner_id::text as scanner, host(p.ip) as ip, p.port::text, p.protocol
from results.port_current p
left join results.host_current h on (h.scanner_id, h.ip, h.protocol) = (p.scanner_id, p.ip, p.protocol)
where h.ip is null or not h.covered_ports @> p.port or h.filtered_ports @> p.port
