//! apalis-postgres 1.0, as its README shows it: pubsub beside a slow poll, tasks in batches.
#[path = "../../src/actor/mod.rs"]
mod actor;

use std::time::Duration;

use actor::gauge::Gauge;
use actor::payload::Payload;
use actor::produce::Producer;
use actor::{Args, Failure, Load, Queue};
use apalis::prelude::*;
use apalis_postgres::{Config, PgPool, PostgresStorage};
use clap::Parser as _;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnection, PgPoolOptions};

const QUEUE: &str = "bench";

struct Apalis;

/// `push_tasks` on one connection: the call that works inside a caller's transaction, and the one that its sink makes.
struct Pusher(PgConnection);

impl Pusher {
    async fn push(&mut self, payloads: Vec<Payload>) -> Result<(), Failure> {
        let tasks = payloads
            .iter()
            .map(|payload| Ok(TaskBuilder::new(serde_json::to_vec(payload)?).build()))
            .collect::<Result<Vec<_>, serde_json::Error>>()?;
        Ok(apalis_postgres::queries::push_tasks(&mut self.0, QUEUE, tasks).await?)
    }
}

impl Producer for Pusher {
    async fn one(&mut self, payload: Payload) -> Result<(), Failure> {
        self.push(vec![payload]).await
    }

    async fn many(&mut self, payloads: Vec<Payload>) -> Result<(), Failure> {
        self.push(payloads).await
    }
}

async fn pool(url: &str) -> Result<PgPool, Failure> {
    // The number that sqlx gives unless told otherwise, as in the README.
    Ok(PgPoolOptions::new().max_connections(10).connect(url).await?)
}

impl Queue for Apalis {
    type Producer = Pusher;

    async fn setup(url: &str) -> Result<(), Failure> {
        Ok(PostgresStorage::<()>::setup(&pool(url).await?).await?)
    }

    async fn producer(url: &str) -> Result<Pusher, Failure> {
        Ok(Pusher(PgConnection::connect(url).await?))
    }

    async fn work(url: &str, load: Load, gauge: Gauge) -> Result<(), Failure> {
        // A fetch fills the slots; the concurrency layer bounds what runs, which is unbounded by default.
        let config = Config::default().queue(QUEUE).batch_size(load.concurrency);
        let backend = PostgresStorage::<Payload>::new(&pool(url).await?)
            .with_config(config)
            .with_pubsub()
            .poll_with_strategy(Strategy::new().interval(Duration::from_secs(5)));
        // Two processes of one name would share an identity.
        let worker = WorkerBuilder::new(format!("bench-{}", std::process::id()))
            .backend(backend)
            .concurrency(load.concurrency)
            .data(gauge)
            .build(no_op);
        Ok(worker.run().await?)
    }
}

async fn no_op(payload: Payload, gauge: Data<Gauge>) -> Result<(), BoxDynError> {
    gauge.ran(payload.at);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    actor::play::<Apalis>(Args::parse()).await
}
