-- Accepted parts tile the index space of their job from 0 to resume_index, once.
select j.id::text as job, j.resume_index::text, count(p.*)::text as parts,
       min(p.from_index)::text as first, max(p.to_index)::text as last, sum(p.to_index - p.from_index)::text as covered
from jobs.scan_jobs j
left join jobs.result_parts p on p.job_id = j.id
group by j.id
having coalesce(sum(p.to_index - p.from_index), 0) <> j.resume_index
    or coalesce(max(p.to_index), 0) <> j.resume_index
    or coalesce(min(p.from_index), 0) <> 0
