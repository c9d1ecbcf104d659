//! Live events: wake-up rows for open pages (product 6.7). Never a port change.
//!
//! Neither the sequence number nor the age of a row is a cursor: a transaction that took number 7 may commit after one
//! that took number 8. What tells new from old is the snapshot: a row is new exactly when the reader's last snapshot
//! could not see its transaction and the current one can.
use crate::{Conn, StoreError};

/// Names of topics. An event of a topic names the entity that changed, by its id.
pub mod topics {
    /// Scans, by number: status, progress, findings.
    pub const SCANS: &str = "scans";
    /// Scanners.
    pub const SCANNERS: &str = "scanners";
    /// Alarms.
    pub const ALARMS: &str = "alarms";
    /// Job errors, by their id.
    pub const JOB_ERRORS: &str = "job-errors";
    /// System events.
    pub const EVENTS: &str = "events";
    /// Everything under configuration but scanners; the entity is its id, which no other kind shares.
    pub const CONFIG: &str = "config";
    /// Queues: `queue:<name>`, `task:<id>`, `failure`, `worker:<number>`, `cron:<name>`, `bulk:<id>`.
    pub const QUEUES: &str = "queues";
}

/// Most rows that one read returns; more than that mean "look at everything again".
pub const READ_LIMIT: i64 = 2_000;

/// What a reader has seen, in the words of PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen(String);

/// Something changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Heard {
    /// Topic, such as `scans`.
    pub topic: String,
    /// Which one.
    pub entity_id: String,
}

/// What a reader learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The point to read on from.
    pub seen: Seen,
    /// What changed, in the order of the rows.
    pub heard: Vec<Heard>,
    /// True when there was too much to list, or when the database is another than before (a restore): everything may
    /// have changed.
    pub everything: bool,
}

/// Says that `entity_id` of `topic` changed. The row becomes visible with the transaction.
pub async fn emit(conn: &mut Conn, topic: &str, entity_id: &str) -> Result<(), StoreError> {
    sqlx::query!("insert into config.live_events (topic, entity_id) values ($1, $2)", topic, entity_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// The point from which on a new reader hears everything.
pub async fn now(conn: &mut Conn) -> Result<Seen, StoreError> {
    let text = sqlx::query_scalar!(r#"select pg_current_snapshot()::text as "text!""#).fetch_one(conn).await?;
    Ok(Seen(text))
}

/// What was committed since `last`: each row once, without waiting for writers that are still open. One statement, so
/// that the snapshot returned is the one by which the rows were seen; never call it inside a transaction with a
/// snapshot of its own that is older than that.
pub async fn since(conn: &mut Conn, last: &Seen) -> Result<News, StoreError> {
    let rows = sqlx::query!(
        r#"with here as materialized (select pg_current_snapshot() as snapshot)
           select here.snapshot::text as "snapshot!",
             pg_snapshot_xmax(here.snapshot) < pg_snapshot_xmax($1::text::pg_snapshot) as "rewound!",
             e.topic as "topic?", e.entity_id as "entity_id?"
           from here left join (
             select topic, entity_id, seq from config.live_events
             where xid >= pg_snapshot_xmin($1::text::pg_snapshot) and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
             order by seq limit $2) e on true
           order by e.seq"#,
        last.0,
        READ_LIMIT + 1,
    )
    .fetch_all(conn)
    .await?;
    let first = rows.first().ok_or_else(|| StoreError::inconsistent("the current snapshot is no row"))?;
    let seen = Seen(first.snapshot.clone());
    let everything = first.rewound || rows.len() as i64 > READ_LIMIT;
    let heard =
        rows.into_iter().filter_map(|row| Some(Heard { topic: row.topic?, entity_id: row.entity_id? })).collect();
    Ok(News { seen, heard, everything })
}
