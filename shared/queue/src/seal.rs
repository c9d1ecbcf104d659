//! Payloads that hold secrets, sealed to their row (product S18).
use mipo_domain::entropy::Entropy;
use mipo_domain::sealing::{Place, Sealer};
use serde_json::Value;
use uuid::Uuid;

pub(crate) fn seal(sealer: &Sealer, entropy: &dyn Entropy, id: Uuid, payload: &Value) -> Vec<u8> {
    sealer.seal(entropy, place(&id.to_string()), payload.to_string().as_bytes())
}

/// The payload, or why it cannot be read.
pub(crate) fn open(sealer: &Sealer, id: Uuid, sealed: &[u8]) -> Result<Value, String> {
    let bytes = sealer.open(place(&id.to_string()), sealed).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|_| "what was sealed is not JSON".to_owned())
}

const fn place(row: &str) -> Place<'_> {
    Place { table: "jobs.tasks", row, column: "payload" }
}
