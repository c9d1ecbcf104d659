//! What the queue pages show, a file a page. Everything here reads and nothing writes.
//!
//! Every page is fast on a million live and ten million ended tasks: what would have to be counted is counted up to
//! [`COUNT_LIMIT`], taken from the samples of each minute, or estimated by the planner, and says so
//! ([`Count::about`]). Lists look at a bounded number of rows and say how far they looked.
pub mod bulk;
pub mod cron;
pub mod database;
pub mod failures;
mod histogram;
mod narrow;
pub mod overview;
pub mod queue;
pub mod sample;
pub mod states;
pub mod task;
pub mod tasks;
pub mod waiting;
pub mod workers;

pub use histogram::Times;

use sqlx::PgConnection;

use crate::QueueError;

/// Nothing is counted beyond this.
pub const COUNT_LIMIT: i64 = 100_000;

/// A number of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The number.
    pub value: i64,
    /// It is an estimate, a bound, or a minute old; show it with the word "about".
    pub about: bool,
}

impl Count {
    /// Counted now.
    pub const fn exact(value: i64) -> Self {
        Self { value, about: false }
    }

    /// Not counted to the end, or not now.
    pub const fn about(value: i64) -> Self {
        Self { value, about: true }
    }

    /// Of a count that stopped one beyond [`COUNT_LIMIT`].
    pub(crate) const fn capped(value: i64) -> Self {
        if value > COUNT_LIMIT { Self::about(COUNT_LIMIT) } else { Self::exact(value) }
    }
}

/// Ends whatever this transaction asks for after `milliseconds`, so that a page never holds the database up. Call it
/// first in the transaction of a page.
pub async fn bound(conn: &mut PgConnection, milliseconds: u32) -> Result<(), QueueError> {
    let value = milliseconds.to_string();
    // These are many small looks at indexes: compiling them takes longer than they do.
    sqlx::query_scalar!("select set_config('statement_timeout', $1, true) || set_config('jit', 'off', true)", value)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// True when there are more live tasks than are looked at one by one.
pub(crate) async fn many_live(conn: &mut PgConnection) -> Result<bool, QueueError> {
    let seen =
        sqlx::query_scalar!(r#"select count(*) as "count!" from (select from jobs.tasks limit $1) t"#, COUNT_LIMIT + 1)
            .fetch_one(conn)
            .await?;
    Ok(seen > COUNT_LIMIT)
}
