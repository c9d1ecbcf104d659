-- Nobody would ever claim them.
select t.id::text as task, t.queue from jobs.tasks t where not exists (select from jobs.queues q where q.name = t.queue)
