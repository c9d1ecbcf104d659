-- A task is live or ended, never both; the statement that ends it moves its row.
select t.id::text as task, t.status as live, h.status as ended
from jobs.tasks t join jobs.task_history h on h.id = t.id
