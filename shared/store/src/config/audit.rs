//! The audit chain (`config.audit_events`, `config.audit_head`).
use mipo_domain::audit::AuditRow;

use crate::{Conn, StoreError};

/// The end of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Position of the last row; 0 when there is none.
    pub seq: i64,
    /// Its hash.
    pub row_hash: [u8; 32],
}

/// Reads a 32-byte hash.
pub(crate) fn hash32(bytes: &[u8], what: &str) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| StoreError::inconsistent(format!("{what} is {} bytes, not 32", bytes.len())))
}

/// Locks and reads the head. The lock is held until the transaction ends, so a chain has no gaps; therefore the audit
/// row is the last statement before commit.
pub async fn lock_head(conn: &mut Conn) -> Result<Head, StoreError> {
    let row = sqlx::query!("select seq, row_hash from config.audit_head for update").fetch_one(conn).await?;
    Ok(Head { seq: row.seq, row_hash: hash32(&row.row_hash, "audit_head.row_hash")? })
}

/// Reads the head without locking it.
pub async fn head(conn: &mut Conn) -> Result<Head, StoreError> {
    let row = sqlx::query!("select seq, row_hash from config.audit_head").fetch_one(conn).await?;
    Ok(Head { seq: row.seq, row_hash: hash32(&row.row_hash, "audit_head.row_hash")? })
}

/// Adds `row` to the chain and moves the head. The caller has locked the head and computed the hashes.
pub async fn append(conn: &mut Conn, row: &AuditRow, prev: &[u8; 32], hash: &[u8; 32]) -> Result<(), StoreError> {
    sqlx::query!(
        "with added as (
           insert into config.audit_events (seq, kind, at, actor, actor_type, action, resource_type, resource_id, diff, reason, ip, request_id, prev_hash, row_hash)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14))
         update config.audit_head set seq = $1, row_hash = $14, updated_at = now()",
        row.seq,
        row.kind,
        row.at,
        row.actor,
        row.actor_type,
        row.action,
        row.resource_type,
        row.resource_id,
        row.diff,
        row.reason,
        row.ip,
        row.request_id,
        prev.as_slice(),
        hash.as_slice(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The changes of one thing, newest first, with the position of each.
pub async fn changes_of(
    conn: &mut Conn,
    resource_type: &str,
    resource_id: &str,
    limit: i64,
) -> Result<Vec<AuditRow>, StoreError> {
    let rows = sqlx::query_as!(
        AuditRow,
        "select seq, kind, at, actor, actor_type, action, resource_type, resource_id, diff, reason, ip, request_id
         from config.audit_events
         where kind = 'change' and resource_type = $1 and resource_id = $2 order by seq desc limit $3",
        resource_type,
        resource_id,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// A row with the hashes that stand beside it.
#[derive(Clone, Debug)]
pub struct Linked {
    /// The row.
    pub row: AuditRow,
    /// Hash of the row before it.
    pub prev_hash: Vec<u8>,
    /// Its own hash.
    pub row_hash: Vec<u8>,
}

/// Up to `limit` rows after position `after`, in order.
pub async fn rows_after(conn: &mut Conn, after: i64, limit: i64) -> Result<Vec<Linked>, StoreError> {
    let rows = sqlx::query!(
        "select seq, kind, at, actor, actor_type, action, resource_type, resource_id, diff, reason, ip, request_id, prev_hash, row_hash
         from config.audit_events where seq > $1 order by seq limit $2",
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    let linked = rows.into_iter().map(|row| Linked {
        row: AuditRow {
            seq: row.seq,
            kind: row.kind,
            at: row.at,
            actor: row.actor,
            actor_type: row.actor_type,
            action: row.action,
            resource_type: row.resource_type,
            resource_id: row.resource_id,
            diff: row.diff,
            reason: row.reason,
            ip: row.ip,
            request_id: row.request_id,
        },
        prev_hash: row.prev_hash,
        row_hash: row.row_hash,
    });
    Ok(linked.collect())
}
