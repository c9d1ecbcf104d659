-- The audit chain has no gap and no wrong link, and its head is its last row.
-- (`mipo audit verify` recomputes every hash besides.)
select seq::text, 'link' as what
from (
  select seq, prev_hash, lag(seq) over w as seq_before, lag(row_hash) over w as hash_before
  from config.audit_events
  window w as (order by seq)
) chain
where seq_before is not null and (seq <> seq_before + 1 or prev_hash <> hash_before)
union all
select h.seq::text, 'head'
from config.audit_head h
left join lateral (select seq, row_hash from config.audit_events order by seq desc limit 1) last on true
where (h.seq, h.row_hash) is distinct from (coalesce(last.seq, h.seq), coalesce(last.row_hash, h.row_hash))
