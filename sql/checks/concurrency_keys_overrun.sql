-- No key runs more tasks than it allows.
select concurrency_key as key, format('%s run, %s may', count(*), max(concurrency_limit)) as running
from jobs.tasks where concurrency_slot is not null
group by concurrency_key having count(*) > max(concurrency_limit)
