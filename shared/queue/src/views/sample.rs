//! Whether anything that the pages show has changed, for whoever tells them.
use sqlx::PgConnection;

use crate::QueueError;

/// A text that becomes another when tasks come, begin, fail, end or fall due, when somebody sets a queue, and when a
/// worker comes or goes. One statement, whatever the number of tasks: of many, the newest and some thousands stand for all.
pub async fn mark(conn: &mut PgConnection) -> Result<String, QueueError> {
    let mark = sqlx::query_scalar!(
        r#"select md5(concat_ws('|',
             (select string_agg(l.part, ',' order by l.part) from (
                select concat_ws(':', t.queue, t.status, t.run_at > now(), count(*), sum(t.attempts), sum(t.priority), max(t.run_at), max(t.started_at),
                  count(*) filter (where t.cancel_requested), count(*) filter (where t.rank = 'infinity')) as part
                from (select * from jobs.tasks limit 10000) t group by t.queue, t.status, t.run_at > now()
              ) l),
             (select t.id from jobs.tasks t order by t.id desc limit 1),
             (select h.id from jobs.task_history h order by h.id desc limit 1),
             (select sum(q.version) from jobs.queues q),
             (select string_agg(concat_ws(':', w.no, w.stopped_at, w.drain_requested_at), ',' order by w.no) from jobs.workers w
              where w.last_seen_at > now() - interval '30 seconds'))) as "mark!""#
    )
    .fetch_one(conn)
    .await?;
    Ok(mark)
}
