-- What coverage proves is what ingest counted. Jobs whose exclusions grew after the first signing are left out: what
-- was probed before is then counted and not covered.
select j.id::text as job, j.probes_attempted::text as attempted, c.attempted::text as covered, j.error_count::text as errors,
  c.errors::text as covered_errors
from jobs.scan_jobs j
cross join lateral (
  select coalesce(sum(open_count + closed_count + filtered_count + error_count), 0) as attempted,
    coalesce(sum(error_count), 0) as errors, coalesce(sum(open_count), 0) as open,
    coalesce(sum(open_count + closed_count + filtered_count + error_count + not_probed_count), 0) as all_probes
  from results.coverage where job_id = j.id) c
where j.kind = 'sweep' and j.concluded_at is not null and j.min_attempt = 1 and j.added_exclusions = '[]'
  and (c.attempted <> j.probes_attempted or c.errors <> j.error_count or c.open <> j.result_count
       or c.all_probes + j.excluded_count < j.probes_planned and j.resume_index = j.probes_planned)
