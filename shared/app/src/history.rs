//! What was changed on one object, from the audit chain.
use chrono::{DateTime, Utc};
use mipo_store::Conn;
use mipo_store::config::audit;
use serde_json::Value;

use crate::AppError;

/// Most changes shown of one object.
const LIMIT: i64 = 200;

/// One change.
#[derive(Clone, Debug)]
pub struct Change {
    /// Position in the audit chain.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub actor: String,
    /// `user`, `token`, `cli`, `scanner` or `system`.
    pub actor_type: String,
    /// What was done.
    pub action: String,
    /// Before and after.
    pub diff: Value,
    /// Why, where a reason was asked for.
    pub reason: String,
}

impl Change {
    /// The fields that differ, with their values before and after.
    pub fn fields(&self) -> Vec<(String, Value, Value)> {
        let none = serde_json::Map::new();
        let side = |name: &str| self.diff.get(name).and_then(Value::as_object).unwrap_or(&none);
        let (before, after) = (side("before"), side("after"));
        let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
        names.sort();
        names.dedup();
        names
            .into_iter()
            .map(|name| {
                let value = |side: &serde_json::Map<String, Value>| side.get(name).cloned().unwrap_or(Value::Null);
                (name.clone(), value(before), value(after))
            })
            .filter(|(_, before, after)| before != after)
            .collect()
    }
}

/// The changes of one object, newest first. The caller has checked the right to see the object.
pub(crate) async fn of(conn: &mut Conn, kind: &str, id: impl ToString) -> Result<Vec<Change>, AppError> {
    let rows = audit::changes_of(conn, kind, &id.to_string(), LIMIT).await?;
    Ok(rows
        .into_iter()
        .map(|row| Change {
            seq: row.seq,
            at: row.at,
            actor: row.actor,
            actor_type: row.actor_type,
            action: row.action,
            diff: serde_json::from_str(&row.diff).unwrap_or(Value::String(row.diff)),
            reason: row.reason,
        })
        .collect())
}
