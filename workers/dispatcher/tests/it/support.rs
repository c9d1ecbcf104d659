//! A database, and the dispatcher's handlers in it.
use std::sync::Arc;

use mipo_dispatcher::{Config, World, workers};
use mipo_queue::{Driver, DriverConfig, FailedTask, NewTask};
use mipo_runtime::{OsEntropy, SystemClock};
use mipo_testkit::TestDb;
use sqlx::{AssertSqlSafe, PgPool};
use tokio_util::sync::CancellationToken;

/// A dispatcher without leadership and clock: tasks run when the test says so.
pub struct Place {
    /// As the superuser.
    pub admin: PgPool,
    pub world: Arc<World>,
    driver: Driver,
    stop: CancellationToken,
    /// Dropped last, and with it the database.
    _db: Arc<TestDb>,
}

pub async fn place() -> Place {
    place_and_db().await.0
}

/// The same, and the database for the roles of other services. Dropped with the last of the two.
pub async fn place_and_db() -> (Place, Arc<TestDb>) {
    let db = Arc::new(mipo_testkit::database().await);
    let (admin, pool) = (db.superuser_pool(), db.db_as("mipo_dispatcher"));
    let world = Arc::new(World::new(pool.clone(), Config::default()));
    let stop = CancellationToken::new();
    let config = DriverConfig::new("dispatcher", "test", "0.0.0", &SystemClock, &OsEntropy).by_hand();
    let driver = Driver::start(pool.pool(), config, stop.clone());
    tokio::spawn(workers::register(&driver, &world).run());
    (Place { _db: Arc::clone(&db), admin, world, driver, stop }, db)
}

impl Place {
    /// Enqueues `task` in a transaction of its own.
    pub async fn enqueue(&self, task: NewTask) {
        let mut tx = self.world.db.tx("test.enqueue").await.expect("begins");
        mipo_queue::enqueue(&mut tx, task).await.expect("enqueues");
        tx.commit().await.expect("commits");
    }

    /// Runs all that is due, and what follows from it. Answers what failed.
    pub async fn run_tasks(&self) -> Vec<FailedTask> {
        self.driver.run_until_idle().await.expect("the database answers")
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.admin).await.expect(sql)
    }

    pub async fn execute(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.admin).await.expect(sql);
    }

    pub async fn execute_owned(&self, sql: String) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.admin).await.expect("runs");
    }

    /// The one text that `sql` answers.
    pub async fn text(&self, sql: &'static str) -> String {
        sqlx::query_scalar(sql).fetch_one(&self.admin).await.expect(sql)
    }

    pub async fn end(self) {
        self.stop.cancel();
        self.driver.ended().await;
    }
}
