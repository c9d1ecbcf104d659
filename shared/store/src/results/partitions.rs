//! The time partitions of the results series.
use crate::{Conn, StoreError};

/// Makes the partitions of today and the next `days_ahead` days. Answers how many were missing.
pub async fn make_ahead(conn: &mut Conn, days_ahead: i32) -> Result<i32, StoreError> {
    let made = sqlx::query_scalar!(
        r#"select results.ensure_partitions(now() - interval '1 day', now() + make_interval(days => $1)) as "made!""#,
        days_ahead
    )
    .fetch_one(conn)
    .await?;
    Ok(made)
}

/// What came of dropping partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropping {
    /// Gone.
    pub dropped: i32,
    /// In use just now; to be tried again soon.
    pub postponed: i32,
}

/// Drops partitions of open observations that are wholly older than so many days. What a job that is
/// not concluded may still need stays, however old: a scanner's clock is believed a day before its job was made.
pub async fn drop_old_observations(conn: &mut Conn, days: i32) -> Result<Dropping, StoreError> {
    let dropping = sqlx::query_as!(
        Dropping,
        r#"select dropped as "dropped!", postponed as "postponed!"
           from results.drop_partitions('open_observations', least(now() - make_interval(days => $1),
             (select min(created_at) - interval '1 day' from jobs.scan_jobs where concluded_at is null)))"#,
        days
    )
    .fetch_one(conn)
    .await?;
    Ok(dropping)
}
