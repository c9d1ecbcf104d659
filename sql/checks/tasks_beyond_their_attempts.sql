-- Attempts never go beyond the maximum, and each is counted once.
select h.id::text as task, format('%s of %s', h.attempts, h.max_attempts) as attempts
from jobs.task_history h where h.attempts > h.max_attempts
union all
select a.task_id::text, format('attempt %s of a task with %s', a.attempt, t.attempts)
from jobs.task_attempts a join jobs.all_tasks t on t.id = a.task_id where a.attempt > t.attempts
