//! graphile_worker, for a backlog as "Throughput-oriented worker" in its documentation: local queue, completions in
//! batches of 5 ms. Where tasks come one by one it fetches directly, which the documentation's page on the local queue
//! calls the better path for rare jobs (with the local queue it stops to fetch after some thousand tasks of 500 a
//! second, and asks the database without a pause while it is idle).
#[path = "../../src/actor/mod.rs"]
mod actor;

use std::time::Duration;

use actor::gauge::Gauge;
use actor::payload::Payload;
use actor::produce::Producer;
use actor::{Args, Failure, Load, Queue};
use clap::Parser as _;
use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, TaskHandler, WorkerContext, WorkerOptions, WorkerUtils,
};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgPool, PgPoolOptions};

const SCHEMA: &str = "graphile_worker";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct NoOp(Payload);

impl TaskHandler for NoOp {
    const IDENTIFIER: &'static str = "no_op";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let gauge: Option<&Counted> = context.get_ext();
        if let Some(Counted(gauge)) = gauge {
            gauge.ran(self.0.at);
        }
        Ok::<(), String>(())
    }
}

#[derive(Clone, Debug)]
struct Counted(Gauge);

struct Graphile;

struct Adder {
    utils: WorkerUtils,
    spec: JobSpec,
}

impl Producer for Adder {
    async fn one(&mut self, payload: Payload) -> Result<(), Failure> {
        self.utils.add_job(NoOp(payload), self.spec.clone()).await?;
        Ok(())
    }

    async fn many(&mut self, payloads: Vec<Payload>) -> Result<(), Failure> {
        let jobs: Vec<_> = payloads.into_iter().map(|payload| (NoOp(payload), &self.spec)).collect();
        self.utils.add_jobs::<NoOp>(&jobs).await?;
        Ok(())
    }
}

async fn pool(url: &str, connections: u32) -> Result<PgPool, Failure> {
    // No ping before each statement: the socket is local and the server does not go away.
    Ok(PgPoolOptions::new().max_connections(connections).test_before_acquire(false).connect(url).await?)
}

impl Queue for Graphile {
    type Producer = Adder;

    async fn setup(url: &str) -> Result<(), Failure> {
        // `init` makes the schema and registers the task.
        WorkerOptions::default().schema(SCHEMA).define_job::<NoOp>().pg_pool(pool(url, 2).await?).init().await?;
        Ok(())
    }

    async fn producer(url: &str) -> Result<Adder, Failure> {
        Ok(Adder { utils: WorkerUtils::new(pool(url, 1).await?, SCHEMA), spec: JobSpec::default() })
    }

    async fn work(url: &str, load: Load, gauge: Gauge) -> Result<(), Failure> {
        let mut options = WorkerOptions::default()
            .schema(SCHEMA)
            .concurrency(load.concurrency)
            .poll_interval(Duration::from_millis(500))
            .complete_job_batch_delay(Duration::from_millis(5))
            .fail_job_batch_delay(Duration::from_millis(5))
            .add_extension(Counted(gauge))
            .define_job::<NoOp>()
            .pg_pool(pool(url, 20).await?);
        if !load.sparse {
            let size = load.concurrency.max(100);
            options =
                options.local_queue(LocalQueueConfig::default().with_size(size).with_ttl(Duration::from_secs(60)));
        }
        let worker = options.init().await?;
        Ok(worker.run().await?)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    actor::play::<Graphile>(Args::parse()).await
}
