-- What a scan says it found is what its receipts say, and what they say of changes was recorded.
select s.id::text as scan, s.open_count::text as open, s.change_count::text as changes, r.open::text as receipts_open,
  r.changes::text as receipts_changes, c.changes::text as recorded
from results.scans s
cross join lateral (select coalesce(sum(open_count), 0) as open, coalesce(sum(change_count), 0) as changes
                    from results.receipts where scan_id = s.id) r
cross join lateral (select count(*) as changes from results.port_changes where scan_id = s.id) c
where s.completed_at is not null
  and (s.open_count is distinct from r.open or s.change_count is distinct from r.changes or c.changes <> r.changes)
