-- What a scan says it found is what its receipts say of open ports, and the changes that were recorded. A receipt counts
-- those only where it has a baseline.
select s.id::text as scan, s.open_count::text as open, s.change_count::text as changes, r.open::text as receipts_open,
  r.changes::text as receipts_changes, c.changes::text as recorded
from results.scans s
cross join lateral (select coalesce(sum(open_count), 0) as open, coalesce(sum(change_count), 0) as changes
                    from results.receipts where scan_id = s.id) r
cross join lateral (select count(*) as changes,
                      count(*) filter (where exists (select from results.receipts b where b.job_id = p.job_id and b.baseline_job_id is not null))
                        as comparable
                    from results.port_changes p where scan_id = s.id) c
where s.completed_at is not null
  and (s.open_count is distinct from r.open or s.change_count is distinct from c.changes or c.comparable <> r.changes)
