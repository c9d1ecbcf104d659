//! What most tests of use cases begin with: a database, a clock, chance, and a look behind the scenes.
use std::fmt::Debug;

use mipo_store::Db;
use sqlx::postgres::{PgPool, Postgres};
use sqlx::{AssertSqlSafe, Decode, Type};

use crate::{MockClock, SeededEntropy, TestDb};

/// A fresh installation without an owner, a scanner or a scan.
#[derive(Debug)]
pub struct World {
    /// Its database.
    pub db: TestDb,
    /// Its time, which is not that of the database.
    pub clock: MockClock,
    /// Its chance.
    pub entropy: SeededEntropy,
    behind: PgPool,
}

impl World {
    /// Made anew for every test.
    pub async fn new() -> Self {
        let db = crate::database().await;
        let behind = db.superuser_pool();
        Self { db, clock: MockClock::default(), entropy: SeededEntropy::default(), behind }
    }

    /// The store's pool with the rights of the service `role`, such as `mipo_manager`.
    pub fn db_as(&self, role: &str) -> Db {
        self.db.db_as(role)
    }

    /// Does what no service may: arranges what the test is about.
    pub async fn sql(&self, sql: &str) {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&self.behind).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The one value that `sql` answers.
    pub async fn value<T>(&self, sql: &str) -> T
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres> + Send + Unpin + Debug,
    {
        let value = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&self.behind).await;
        value.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The one text that `sql` answers.
    pub async fn text(&self, sql: &str) -> String {
        self.value(sql).await
    }

    /// Returns once `count` statements of this database wait for a lock: then they have come as far as they can.
    pub async fn until_waiting(&self, count: i64) {
        let waiting =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        while self.value::<i64>(waiting).await < count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}
