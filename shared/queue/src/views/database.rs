//! The tables of the queue, and what in the database is in their way.
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::QueueError;

/// The panel.
#[derive(Clone, Debug)]
pub struct Database {
    /// Bytes of the whole database.
    pub size_bytes: i64,
    /// The tables of schema `jobs` that the queue uses; the days of the history are one.
    pub tables: Vec<TableSize>,
    /// Who keeps the vacuum from removing dead rows, the worst first; at most 5.
    pub holders: Vec<Holder>,
    /// How full the queue of notifications is, 0 to 1.
    pub notify_used: f64,
    /// The statement on the queue that has run longest.
    pub slowest: Option<Statement>,
    /// The role may see what other roles do. When it may not, holders and the slowest statement are those of this
    /// service alone; `grant pg_read_all_stats to mipo_manager` by a superuser changes that.
    pub sees_all: bool,
}

/// A table with its indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// Its name, without the schema.
    pub name: String,
    /// Rows, as the statistics have them.
    pub rows: i64,
    /// Dead rows that wait for the vacuum.
    pub dead_rows: i64,
    /// Bytes, with indexes.
    pub bytes: i64,
    /// When it was last vacuumed by itself.
    pub last_autovacuum: Option<DateTime<Utc>>,
}

/// What holds back the vacuum.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    /// `session`, `replication slot` or `prepared transaction`.
    pub what: String,
    /// Process id, or the name of the slot or transaction.
    pub name: String,
    /// The application's name.
    pub application: String,
    /// The role.
    pub role: String,
    /// Its state, such as `idle in transaction`.
    pub state: String,
    /// How many transactions ago its oldest snapshot was taken.
    pub xmin_age: i64,
    /// Seconds since its transaction began, where that is known.
    pub seconds: Option<f64>,
}

/// A running statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// How it begins.
    pub text: String,
    /// The application's name.
    pub application: String,
    /// Process id.
    pub pid: i32,
    /// Seconds since it began.
    pub seconds: f64,
    /// What it waits for, such as `Lock: transactionid`.
    pub waits_for: Option<String>,
}

/// Reads the panel.
pub async fn database(conn: &mut PgConnection) -> Result<Database, QueueError> {
    let row = sqlx::query!(
        r#"select pg_database_size(current_database()) as "size!", pg_notification_queue_usage() as "notify!",
             pg_has_role(current_user, 'pg_read_all_stats', 'usage') as "sees_all!""#
    )
    .fetch_one(&mut *conn)
    .await?;
    let tables = sqlx::query_as!(
        TableSize,
        r#"select n.name as "name!", sum(n.rows)::bigint as "rows!", sum(n.dead)::bigint as "dead_rows!", sum(n.bytes)::bigint as "bytes!",
             max(n.last_autovacuum) as last_autovacuum
           from (
             select case when c.relname like 'task\_history\_%' then 'task_history' else c.relname::text end as name,
               greatest(c.reltuples, s.n_live_tup, 0) as rows, coalesce(s.n_dead_tup, 0) as dead, pg_total_relation_size(c.oid) as bytes,
               s.last_autovacuum
             from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_stat_user_tables s on s.relid = c.oid
             where n.nspname = 'jobs' and c.relkind = 'r' and (c.relname ~ '^(task|queue|worker|cron|bulk|failure)')
           ) n group by n.name order by 4 desc"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let holders = sqlx::query_as!(
        Holder,
        r#"select h.what as "what!", h.name as "name!", h.application as "application!", h.role as "role!", h.state as "state!", h.age as "xmin_age!",
             h.seconds
           from (
             select 'session' as what, a.pid::text as name, coalesce(a.application_name, '') as application, coalesce(a.usename::text, '') as role,
               coalesce(a.state, a.backend_type, '') as state,
               greatest(age(a.backend_xmin), age(a.backend_xid))::bigint as age, extract(epoch from now() - a.xact_start)::double precision as seconds
             from pg_stat_activity a
             where (a.backend_xmin is not null or a.backend_xid is not null) and a.pid <> pg_backend_pid()
               and (a.datname = current_database() or a.datname is null)
             union all
             select 'replication slot', s.slot_name::text, '', '', case when s.active then 'active' else 'not active' end,
               greatest(age(s.xmin), age(s.catalog_xmin))::bigint, null
             from pg_replication_slots s where s.xmin is not null or s.catalog_xmin is not null
             union all
             select 'prepared transaction', p.gid, '', p.owner::text, '', age(p.transaction)::bigint, extract(epoch from now() - p.prepared)::double precision
             from pg_prepared_xacts p where p.database = current_database()
           ) h order by h.age desc nulls last, h.seconds desc nulls last limit 5"#
    )
    .fetch_all(&mut *conn)
    .await?;
    Ok(Database {
        size_bytes: row.size,
        tables,
        holders,
        notify_used: row.notify,
        slowest: slowest(conn).await?,
        sees_all: row.sees_all,
    })
}

/// The statement on the queue that has run longest now; of those that this role may see.
pub(super) async fn slowest(conn: &mut PgConnection) -> Result<Option<Statement>, QueueError> {
    let statement = sqlx::query_as!(
        Statement,
        r#"select left(regexp_replace(a.query, '\s+', ' ', 'g'), 200) as "text!", coalesce(a.application_name, '') as "application!", a.pid as "pid!",
             extract(epoch from clock_timestamp() - a.query_start)::double precision as "seconds!",
             a.wait_event_type || ': ' || a.wait_event as waits_for
           from pg_stat_activity a
           where a.datname = current_database() and a.state = 'active' and a.pid <> pg_backend_pid() and a.query like '%jobs.%'
           order by a.query_start limit 1"#
    )
    .fetch_optional(conn)
    .await?;
    Ok(statement)
}
