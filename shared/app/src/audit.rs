//! The audit chain: every change, in the transaction that makes it (product section 12).
use chrono::SubsecRound;
use mipo_domain::audit::{AuditRow, GENESIS};
use mipo_domain::rights::Right;
use mipo_store::{Conn, config::audit};
use serde_json::{Value, json};

use crate::events::{self, Event};
use crate::{AppError, Ctx};

/// What is written down about one act.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// `change`, `view` or `auth`.
    pub kind: &'static str,
    /// What was done: `created`, `updated`, `deleted`, `started`, …
    pub action: &'a str,
    /// To what kind of thing: `scanner`, `subnet`, `scan`, …
    pub resource_type: &'a str,
    /// To which one: its id.
    pub resource_id: String,
    /// Before and after; secrets masked by whoever builds it.
    pub diff: Value,
    /// Why, where a reason was asked for.
    pub reason: &'a str,
}

impl<'a> Entry<'a> {
    /// A change of `resource_type` `resource_id`.
    pub fn change(action: &'a str, resource_type: &'a str, resource_id: impl ToString) -> Self {
        Self {
            kind: "change",
            action,
            resource_type,
            resource_id: resource_id.to_string(),
            diff: json!({}),
            reason: "",
        }
    }

    /// A login, logout or what went wrong with one; `user_id` is the account, or `unknown`.
    pub fn auth(action: &'a str, user_id: impl ToString) -> Self {
        Self { kind: "auth", ..Self::change(action, "user", user_id) }
    }

    /// What it was and what it is now; `null` for none.
    pub fn diff(mut self, before: Value, after: Value) -> Self {
        self.diff = json!({ "before": before, "after": after });
        self
    }

    /// The reason that was given.
    pub fn reason(mut self, reason: &'a str) -> Self {
        self.reason = reason;
        self
    }
}

/// Adds `entry` to the chain. Call it last in the transaction: it holds the lock of the head until the commit.
pub async fn record(conn: &mut Conn, ctx: &Ctx<'_>, entry: Entry<'_>) -> Result<(), AppError> {
    let head = audit::lock_head(conn).await?;
    let row = AuditRow {
        seq: head.seq + 1,
        kind: entry.kind.to_owned(),
        // PostgreSQL keeps microseconds; the hash must be over what is read back.
        at: ctx.now().trunc_subsecs(6),
        actor: ctx.caller.actor.name().to_owned(),
        actor_type: ctx.caller.actor.kind().to_owned(),
        action: entry.action.to_owned(),
        resource_type: entry.resource_type.to_owned(),
        resource_id: entry.resource_id,
        diff: entry.diff.to_string(),
        reason: entry.reason.to_owned(),
        ip: ctx.caller.ip.map(|ip| ip.to_string()).unwrap_or_default(),
        request_id: ctx.caller.request_id.map(|id| id.to_string()).unwrap_or_default(),
    };
    let hash = row.hash(&head.row_hash);
    audit::append(conn, &row, &head.row_hash, &hash).await?;
    Ok(())
}

/// What a walk over the chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Rows that were read.
    pub rows_checked: i64,
    /// What is wrong, in the order of the rows; at most [`MAX_VIOLATIONS`].
    pub violations: Vec<Violation>,
    /// True when nothing is wrong.
    pub ok: bool,
    /// The hash of the last row, in hex; zeroes for an empty chain.
    pub head: String,
}

/// One thing that is wrong with the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Position of the row.
    pub id: i64,
    /// `row_hash_mismatch`, `prev_hash_mismatch` or `gap`.
    pub kind: &'static str,
    /// What should stand there.
    pub expected: String,
    /// What does.
    pub actual: String,
}

/// A chain that is broken everywhere need not be listed row by row.
pub const MAX_VIOLATIONS: usize = 1000;
/// Rows read at a time.
const BATCH: i64 = 1000;

/// Walks all rows. Run it in a read transaction, so that it sees one state of the chain.
pub async fn verify(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Verified, AppError> {
    ctx.require(Right::AuditView)?;
    let head = audit::head(conn).await?;
    let mut walk = Walk { checked: 0, seq: 0, hash: GENESIS, violations: Vec::new() };
    loop {
        let rows = audit::rows_after(conn, walk.seq, BATCH).await?;
        if rows.is_empty() {
            break;
        }
        for linked in &rows {
            walk.step(linked);
        }
    }
    // Rows cut off at the end are seen only by the head.
    if walk.seq != head.seq {
        walk.wrong(head.seq, "gap", format!("last row {}", head.seq), format!("last row {}", walk.seq));
    } else if walk.hash != head.row_hash {
        walk.wrong(head.seq, "row_hash_mismatch", hex::encode(head.row_hash), hex::encode(walk.hash));
    }
    let ok = walk.violations.is_empty();
    Ok(Verified { rows_checked: walk.checked, violations: walk.violations, ok, head: hex::encode(head.row_hash) })
}

/// Raises the alarm for a chain that was found broken.
pub async fn report(conn: &mut Conn, ctx: &Ctx<'_>, found: &Verified) -> Result<(), AppError> {
    let Some(first) = found.violations.first() else { return Ok(()) };
    let summary = format!("{} at row {}, {} in all", first.kind, first.id, found.violations.len());
    let event = Event {
        source: "manager",
        kind: "audit_chain_failed",
        severity: "critical",
        entity_type: "audit",
        entity_id: "chain",
        summary: &summary,
        detail: json!({ "rowsChecked": found.rows_checked, "head": found.head }),
    };
    events::raise(conn, ctx, event).await?;
    Ok(())
}

struct Walk {
    checked: i64,
    seq: i64,
    hash: [u8; 32],
    violations: Vec<Violation>,
}

impl Walk {
    fn step(&mut self, linked: &audit::Linked) {
        let seq = linked.row.seq;
        self.checked += 1;
        if seq != self.seq + 1 {
            self.wrong(seq, "gap", format!("row {}", self.seq + 1), format!("row {seq}"));
        } else if linked.prev_hash != self.hash {
            // After a gap the row before is not there to compare with.
            self.wrong(seq, "prev_hash_mismatch", hex::encode(self.hash), hex::encode(&linked.prev_hash));
        }
        let prev: [u8; 32] = linked.prev_hash.as_slice().try_into().unwrap_or(GENESIS);
        let computed = linked.row.hash(&prev);
        if linked.row_hash != computed {
            self.wrong(seq, "row_hash_mismatch", hex::encode(computed), hex::encode(&linked.row_hash));
        }
        self.seq = seq;
        // What is stored, so that one forged row is one violation and not all that follow.
        self.hash = linked.row_hash.as_slice().try_into().unwrap_or(computed);
    }

    fn wrong(&mut self, id: i64, kind: &'static str, expected: String, actual: String) {
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(Violation { id, kind, expected, actual });
        }
    }
}
