//! Cuts of scopes into jobs (`jobs.scope_cuts`), kept so that the receipts of equal scopes stay comparable.
use chrono::{DateTime, Utc};
use mipo_domain::hash::Hash256;
use mipo_domain::ids::{ScannerId, TemplateId};
use serde_json::Value;

use crate::{Conn, StoreError};

/// Under what a cut is kept.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The template.
    pub template_id: TemplateId,
    /// The scanner.
    pub scanner_id: ScannerId,
    /// The hash of scope and rates.
    pub scope_hash: Hash256,
}

/// The slices of the cut, if it was made before; it counts as used.
pub async fn reuse(conn: &mut Conn, key: Key, now: DateTime<Utc>) -> Result<Option<Value>, StoreError> {
    Ok(sqlx::query_scalar!(
        "update jobs.scope_cuts set last_used_at = $4
         where template_id = $1 and scanner_id = $2 and scope_hash = $3 returning slices",
        key.template_id.as_uuid(),
        key.scanner_id.as_uuid(),
        key.scope_hash.as_bytes().as_slice(),
        now,
    )
    .fetch_optional(conn)
    .await?)
}

/// Keeps a cut.
pub async fn save(conn: &mut Conn, key: Key, slices: &Value, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into jobs.scope_cuts (template_id, scanner_id, scope_hash, slices, last_used_at) values ($1, $2, $3, $4, $5)
         on conflict (template_id, scanner_id, scope_hash) do update set slices = excluded.slices, last_used_at = excluded.last_used_at",
        key.template_id.as_uuid(),
        key.scanner_id.as_uuid(),
        key.scope_hash.as_bytes().as_slice(),
        slices,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
