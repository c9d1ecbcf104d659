//! mipo's queue, through its public API: as the services enqueue and as they work.
use std::time::Duration;

use apalis_core::worker::builder::WorkerBuilder;
use mipo_queue::kinds::CONCLUDE_JOB;
use mipo_queue::{Data, Driver, DriverConfig, HandlerError, Kind, NewTask, Outcome};
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_store::migrate;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use tokio_util::sync::CancellationToken;

use crate::actor::gauge::Gauge;
use crate::actor::payload::Payload;
use crate::actor::produce::Producer;
use crate::actor::{Failure, Load, Queue};

/// The no-op kind, in a queue that there is.
static NO_OP: Kind = Kind { name: "no_op", ..CONCLUDE_JOB };

/// mipo's queue.
#[derive(Debug)]
pub struct Ours;

/// One connection that enqueues.
#[derive(Debug)]
pub struct OurProducer(PgConnection);

impl Producer for OurProducer {
    async fn one(&mut self, payload: Payload) -> Result<(), Failure> {
        mipo_queue::enqueue(&mut self.0, NewTask::new(&NO_OP, payload)).await?;
        Ok(())
    }

    async fn many(&mut self, payloads: Vec<Payload>) -> Result<(), Failure> {
        let tasks = payloads.into_iter().map(|payload| NewTask::new(&NO_OP, payload)).collect();
        mipo_queue::enqueue_many(&mut self.0, tasks).await?;
        Ok(())
    }
}

impl Queue for Ours {
    type Producer = OurProducer;

    async fn setup(url: &str) -> Result<(), Failure> {
        let mut conn = migrate::connect(url).await?;
        migrate::ensure_roles(&mut conn).await?;
        let own = "do $$ begin execute format('alter database %I owner to mipo_owner', current_database()); end $$";
        sqlx::raw_sql(own).execute(&mut conn).await?;
        migrate::run(&mut conn).await?;
        Ok(())
    }

    async fn producer(url: &str) -> Result<OurProducer, Failure> {
        Ok(OurProducer(PgConnection::connect(url).await?))
    }

    async fn work(url: &str, load: Load, gauge: Gauge) -> Result<(), Failure> {
        let pool: PgPool = PgPoolOptions::new().connect_lazy(url)?;
        let config = DriverConfig::new("dispatcher", "bench", env!("CARGO_PKG_VERSION"), &SystemClock, &OsEntropy)
            .slots(NO_OP.queue, load.concurrency);
        let config = match load.lease_ms.map(Duration::from_millis) {
            Some(lease) => config.leases(lease, lease / 3, lease / 5),
            None => config,
        };
        let driver = Driver::start(&pool, config, CancellationToken::new());
        let worker = WorkerBuilder::new(NO_OP.name).backend(driver.backend::<Payload>(&NO_OP)).data(gauge);
        if load.hold {
            worker.build(held).run().await?;
        } else {
            worker.build(no_op).run().await?;
        }
        Ok(())
    }
}

async fn held(payload: Payload, gauge: Data<Gauge>) -> Result<Outcome, HandlerError> {
    gauge.ran(payload.at);
    std::future::pending().await
}

async fn no_op(payload: Payload, gauge: Data<Gauge>) -> Result<Outcome, HandlerError> {
    gauge.ran(payload.at);
    Ok(Outcome::Done)
}
