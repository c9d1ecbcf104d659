//! The limit: our tables and indexes and the same durable effects per task, by one connection a process and one
//! statement a batch. No apalis, no fences beyond the ids, no waiting for anything but work.
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPoolOptions};
use sqlx::types::Json;
use sqlx::{Connection as _, Row as _};
use uuid::Uuid;

use super::ours::Ours;
use crate::actor::gauge::Gauge;
use crate::actor::payload::Payload;
use crate::actor::produce::Producer;
use crate::actor::{Failure, Load, Queue};

/// Enqueues one task.
pub const ONE: &str = "insert into jobs.tasks (id, queue, kind, payload, max_attempts, created_by)
values ($1, 'conclude', 'no_op', $2, 10, 'bench')";

/// Enqueues many.
pub const MANY: &str = "insert into jobs.tasks (id, queue, kind, payload, max_attempts, created_by)
select i.id, 'conclude', 'no_op', i.payload, 10, 'bench' from unnest($1::uuid[], $2::jsonb[]) i (id, payload)";

/// Moves the last batch to the history and claims the next one, from where in the line the last one began.
pub const EXCHANGE: &str = "with gone as (
  delete from jobs.tasks where id = any ($1) returning *
), kept as (
  insert into jobs.task_history (id, queue, kind, payload, status, priority, attempts, max_attempts, run_at, locked_by, started_at, created_by,
    created_at, finished_at)
  select id, queue, kind, payload, 'done', priority, attempts, max_attempts, run_at, locked_by, started_at, created_by, created_at,
    clock_timestamp() from gone
), next as (
  select id from jobs.tasks
  where queue = 'conclude' and concurrency_key is null and rank between $4 and now() and status = 'pending' and run_at <= now()
  order by rank, id limit $2 for update skip locked
)
update jobs.tasks set status = 'running', attempts = attempts + 1, lease_token = gen_random_uuid(), locked_by = $3, started_at = now()
where id = any (array (select id from next))
returning id, rank, payload";

/// What ours stores, so that both write the same bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    ids: Payload,
    v: u16,
}

/// The limit.
#[derive(Debug)]
pub struct Raw;

#[expect(clippy::disallowed_methods, reason = "the limit mints its ids where that is cheapest")]
fn new_id() -> Uuid {
    Uuid::now_v7()
}

/// One connection that enqueues.
#[derive(Debug)]
pub struct RawProducer(PgConnection);

impl Producer for RawProducer {
    async fn one(&mut self, payload: Payload) -> Result<(), Failure> {
        sqlx::query(ONE).bind(new_id()).bind(Json(Envelope { ids: payload, v: 1 })).execute(&mut self.0).await?;
        Ok(())
    }

    async fn many(&mut self, payloads: Vec<Payload>) -> Result<(), Failure> {
        let ids: Vec<Uuid> = payloads.iter().map(|_| new_id()).collect();
        let payloads: Vec<_> = payloads.into_iter().map(|payload| Json(Envelope { ids: payload, v: 1 })).collect();
        sqlx::query(MANY).bind(ids).bind(payloads).execute(&mut self.0).await?;
        Ok(())
    }
}

impl Queue for Raw {
    type Producer = RawProducer;

    async fn setup(url: &str) -> Result<(), Failure> {
        Ours::setup(url).await
    }

    async fn producer(url: &str) -> Result<RawProducer, Failure> {
        Ok(RawProducer(PgConnection::connect(url).await?))
    }

    async fn work(url: &str, load: Load, gauge: Gauge) -> Result<(), Failure> {
        // Statistics from a moment when the table was empty must not make it read the whole table.
        let options: PgConnectOptions = url.parse()?;
        let pool =
            PgPoolOptions::new().max_connections(1).connect_with(options.options([("enable_seqscan", "off")])).await?;
        let mut conn = PgListener::connect_with(&pool).await?;
        conn.listen("mipo_tasks").await?;
        let worker = i32::try_from(std::process::id())?;
        let begin = DateTime::UNIX_EPOCH;
        let (mut held, mut floor): (Vec<Uuid>, DateTime<Utc>) = (Vec::new(), begin);
        loop {
            let rows = sqlx::query(EXCHANGE)
                .bind(&held)
                .bind(i64::try_from(load.concurrency)?)
                .bind(worker)
                .bind(floor)
                .fetch_all(&mut conn)
                .await?;
            held.clear();
            let mut first = None;
            for row in rows {
                let Json(envelope) = row.try_get::<Json<Envelope>, _>("payload")?;
                gauge.ran(envelope.ids.at);
                held.push(row.try_get("id")?);
                let rank: DateTime<Utc> = row.try_get("rank")?;
                first = first.min(Some(rank)).or(Some(rank));
            }
            // With a full batch there is a backlog, and what comes late stands behind it.
            floor = first.filter(|_| held.len() == load.concurrency).unwrap_or(begin);
            if held.is_empty() {
                // The time is for a notification that came before it listened.
                let _ = tokio::time::timeout(Duration::from_secs(5), conn.recv()).await;
            }
        }
    }
}
