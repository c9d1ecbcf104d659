//! The audit chain: how a row is hashed, product section 12.
//!
//! `row_hash` = SHA-256(`prev_hash` ‖ canonical JSON of the row without its hashes). The first row has 32 zero bytes
//! before it. `diff` is kept as the text that was stored, so that reading it back never changes it.
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::canonical_json;

/// What stands before the first row.
pub const GENESIS: [u8; 32] = [0; 32];

/// One row of the chain, without its hashes. Absent values are empty texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Position, from 1, without gaps.
    pub seq: i64,
    /// `change`, `view` or `auth`.
    pub kind: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// `user`, `token`, `cli`, `scanner` or `system`.
    pub actor_type: String,
    /// What was done, such as `created`.
    pub action: String,
    /// To what kind of thing.
    pub resource_type: String,
    /// To which one.
    pub resource_id: String,
    /// Before and after, as JSON text with secrets masked.
    pub diff: String,
    /// Why, where a reason was asked for.
    pub reason: String,
    /// From where.
    pub ip: String,
    /// In which request.
    pub request_id: String,
}

#[derive(Serialize)]
struct Canonical<'a> {
    seq: i64,
    kind: &'a str,
    at: String,
    actor: &'a str,
    #[serde(rename = "actorType")]
    actor_type: &'a str,
    action: &'a str,
    #[serde(rename = "resourceType")]
    resource_type: &'a str,
    #[serde(rename = "resourceId")]
    resource_id: &'a str,
    diff: &'a str,
    reason: &'a str,
    ip: &'a str,
    #[serde(rename = "requestId")]
    request_id: &'a str,
}

impl AuditRow {
    /// The canonical JSON that is hashed.
    pub fn canonical(&self) -> Vec<u8> {
        canonical_json::to_vec(&Canonical {
            seq: self.seq,
            kind: &self.kind,
            at: self.at.to_rfc3339_opts(SecondsFormat::Micros, true),
            actor: &self.actor,
            actor_type: &self.actor_type,
            action: &self.action,
            resource_type: &self.resource_type,
            resource_id: &self.resource_id,
            diff: &self.diff,
            reason: &self.reason,
            ip: &self.ip,
            request_id: &self.request_id,
        })
    }

    /// Its hash after `prev_hash`.
    pub fn hash(&self, prev_hash: &[u8; 32]) -> [u8; 32] {
        Sha256::new().chain_update(prev_hash).chain_update(self.canonical()).finalize().into()
    }
}
