-- What the receipt counts as open is what the coverage counts, and what was observed (while observations are kept). Jobs
-- whose exclusions grew after the first signing are left out: what was observed before is then not counted.
with covered as (
  select job_id, sum(open_count) as open from results.coverage group by job_id
), observed as (
  select job_id, count(distinct (ip, port, protocol)) as open from results.open_observations group by job_id
)
select r.job_id::text as job, r.open_count::text as receipt, coalesce(c.open, 0)::text as covered, coalesce(o.open, 0)::text as observed
from results.receipts r
join jobs.scan_jobs j on j.id = r.job_id and j.min_attempt = 1 and j.added_exclusions = '[]'
left join covered c on c.job_id = r.job_id
left join observed o on o.job_id = r.job_id
where r.created_at > now() - interval '7 days'
  and (r.open_count <> coalesce(c.open, 0) or r.open_count <> coalesce(o.open, 0))
