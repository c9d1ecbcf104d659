//! Services show that they are alive (product 11.1).
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{Conn, StoreError};

/// What one process says about itself.
#[derive(Clone, Debug)]
pub struct Beat<'a> {
    /// `manager`, `ingest`, `dispatcher` or `backup`.
    pub service: &'a str,
    /// Tells the nodes of a service apart.
    pub node: &'a str,
    /// When the process started.
    pub started_at: DateTime<Utc>,
    /// Its version.
    pub version: &'a str,
    /// Memory, threads, open files.
    pub metrics: &'a Value,
}

/// Stores a heartbeat, dated by the database.
pub async fn beat(conn: &mut Conn, beat: &Beat<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.service_heartbeats (service, node, started_at, last_seen_at, service_version, metrics)
         values ($1, $2, $3, now(), $4, $5)
         on conflict (service, node) do update
         set started_at = excluded.started_at, last_seen_at = excluded.last_seen_at,
             service_version = excluded.service_version, metrics = excluded.metrics",
        beat.service,
        beat.node,
        beat.started_at,
        beat.version,
        beat.metrics,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A process that was heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Which service.
    pub service: String,
    /// Which node of it.
    pub node: String,
    /// Its version.
    pub version: String,
    /// How long ago, by the clock of the database.
    pub silent_seconds: i64,
}

/// Every process that was ever heard of.
pub async fn all(conn: &mut Conn) -> Result<Vec<Heard>, StoreError> {
    let rows = sqlx::query_as!(
        Heard,
        r#"select service, node, service_version as version,
                  extract(epoch from now() - last_seen_at)::bigint as "silent_seconds!"
           from config.service_heartbeats order by service, node"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
