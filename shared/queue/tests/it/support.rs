//! A database, a driver in it, and workers on the driver.
use std::time::Duration;

use mipo_queue::{Backoff, Driver, DriverConfig, Kind, NewTask, TaskId};
use mipo_testkit::{MockClock, SeededEntropy, TestDb};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// Two quick attempts more after the first.
pub static QUICK: Kind = Kind {
    name: "quick",
    queue: "conclude",
    version: 1,
    attempts: 3,
    backoff: Backoff::Doubling { first: Duration::from_millis(100), max: Duration::from_secs(1) },
    deadline: Duration::from_millis(700),
    sealed: false,
};

/// Takes its time.
pub static SLOW: Kind = Kind {
    name: "slow",
    queue: "planning",
    version: 1,
    attempts: 3,
    backoff: Backoff::Doubling { first: Duration::from_millis(50), max: Duration::from_secs(1) },
    deadline: Duration::from_secs(30),
    sealed: false,
};

/// Builds an apalis worker of `$kind` on `$driver` and runs it.
macro_rules! work {
    ($driver:expr, $kind:expr, $handler:expr) => {
        tokio::spawn(
            apalis_core::worker::builder::WorkerBuilder::new($kind.name)
                .backend($driver.backend::<serde_json::Value>($kind))
                .build($handler)
                .run(),
        )
    };
}
pub(crate) use work;

/// A database and how to look into it.
pub struct Place {
    pub db: TestDb,
    /// As the dispatcher's role.
    pub pool: PgPool,
    /// As the superuser.
    pub admin: PgPool,
}

pub async fn place() -> Place {
    let db = mipo_testkit::database().await;
    let (pool, admin) = (db.pool_as("mipo_dispatcher"), db.superuser_pool());
    Place { db, pool, admin }
}

/// Quick leases and polls; each call is another process.
pub fn config(name: &str, seed: u64) -> DriverConfig {
    DriverConfig::new("dispatcher", name, "0.0.0", &MockClock::default(), &SeededEntropy::new(seed))
        .leases(Duration::from_secs(2), Duration::from_millis(300), Duration::from_millis(300))
        .poll_every(Duration::from_secs(1))
        .drain(Duration::from_secs(5))
}

impl Place {
    pub fn start(&self, config: DriverConfig) -> (Driver, CancellationToken) {
        let stop = CancellationToken::new();
        (Driver::start(&self.pool, config, stop.clone()), stop)
    }

    /// A worker that is there in name only; answers its number.
    pub async fn register(&self, id: &str) -> i32 {
        sqlx::query_scalar("select jobs.register_worker($1, 'w', 'dispatcher', 'h', 1, '0', '{planning}', 1)")
            .bind(id)
            .fetch_one(&self.pool)
            .await
            .expect("registers")
    }

    pub async fn enqueue(&self, task: NewTask) -> Option<TaskId> {
        let mut conn = self.pool.acquire().await.expect("a connection");
        mipo_queue::enqueue(&mut conn, task).await.expect("enqueues")
    }

    /// How many tasks are in this state, live or ended.
    pub async fn count(&self, state: &str) -> i64 {
        sqlx::query_scalar("select count(*) from jobs.all_tasks where state = $1")
            .bind(state)
            .fetch_one(&self.admin)
            .await
            .expect("counts")
    }

    /// The task as JSON, wherever it stands.
    pub async fn task(&self, id: TaskId) -> Value {
        sqlx::query_scalar("select to_jsonb(t) from jobs.all_tasks t where id = $1")
            .bind(id.as_uuid())
            .fetch_one(&self.admin)
            .await
            .expect("the task is somewhere")
    }

    /// Waits until as many tasks are in this state; panics after 20 s.
    pub async fn until(&self, state: &str, wanted: i64) {
        for _ in 0..400 {
            if self.count(state).await >= wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let all: Vec<Value> = sqlx::query_scalar("select to_jsonb(t) from jobs.all_tasks t limit 20")
            .fetch_all(&self.admin)
            .await
            .expect("lists");
        panic!("never {wanted} tasks {state}; there are {}", json!(all));
    }
}

/// What a test waits for inside this process; panics after 20 s.
pub async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if reached() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
