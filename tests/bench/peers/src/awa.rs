//! awa 0.6 with its queue storage, as its own throughput measurement sets it up: no deadline (the short path of its
//! receipts), a pool of 20; for many tasks the COPY that it recommends to producers of high volume.
#[path = "../../src/actor/mod.rs"]
mod actor;

use std::time::Duration;

use actor::gauge::Gauge;
use actor::payload::Payload;
use actor::produce::Producer;
use actor::{Args, Failure, Load, Queue};
use awa::{Client, InsertOpts, JobArgs, JobResult, QueueConfig, QueueStorage, QueueStorageConfig};
use clap::Parser as _;
use serde::{Deserialize, Serialize};
use sqlx08::postgres::{PgPool, PgPoolOptions};

const QUEUE: &str = "bench";

#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct NoOp(Payload);

impl JobArgs for NoOp {
    fn kind() -> &'static str {
        "no_op"
    }
}

struct Awa;

struct Inserter {
    pool: PgPool,
    storage: QueueStorage,
}

fn options() -> InsertOpts {
    InsertOpts { queue: QUEUE.into(), ..Default::default() }
}

impl Producer for Inserter {
    async fn one(&mut self, payload: Payload) -> Result<(), Failure> {
        awa::insert_with(&self.pool, &NoOp(payload), options()).await?;
        Ok(())
    }

    async fn many(&mut self, payloads: Vec<Payload>) -> Result<(), Failure> {
        let jobs = payloads
            .into_iter()
            .map(|payload| awa::model::insert::params_with(&NoOp(payload), options()))
            .collect::<Result<Vec<_>, _>>()?;
        self.storage.enqueue_params_copy(&self.pool, &jobs).await?;
        Ok(())
    }
}

async fn pool(url: &str, connections: u32) -> Result<PgPool, Failure> {
    // No ping before each statement: the socket is local and the server does not go away.
    Ok(PgPoolOptions::new().max_connections(connections).test_before_acquire(false).connect(url).await?)
}

impl Queue for Awa {
    type Producer = Inserter;

    async fn setup(url: &str) -> Result<(), Failure> {
        let pool = pool(url, 4).await?;
        awa::migrations::run(&pool).await?;
        // What the first worker of a fresh database does; here tasks come before workers.
        Ok(QueueStorage::new(QueueStorageConfig::default())?.install(&pool).await?)
    }

    async fn producer(url: &str) -> Result<Inserter, Failure> {
        Ok(Inserter { pool: pool(url, 1).await?, storage: QueueStorage::new(QueueStorageConfig::default())? })
    }

    async fn work(url: &str, load: Load, gauge: Gauge) -> Result<(), Failure> {
        let config = QueueConfig {
            max_workers: u32::try_from(load.concurrency)?,
            deadline_duration: Duration::ZERO,
            claim_batch_size: load.concurrency.max(QueueConfig::default().claim_batch_size),
            ..QueueConfig::default()
        };
        let client = Client::builder(pool(url, 20).await?)
            .queue(QUEUE, config)
            .register::<NoOp, _, _>(move |task, _| {
                gauge.ran(task.0.at);
                async { Ok(JobResult::Completed) }
            })
            .build()?;
        client.start().await?;
        std::future::pending().await
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    actor::play::<Awa>(Args::parse()).await
}
