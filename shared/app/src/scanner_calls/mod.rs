//! Who a scanner is: exchanging its one-time token, showing its key, saying that it lives.
mod authenticate;
mod heartbeat;
mod provision;
mod rotate;

pub use authenticate::{AuthRules, admit_version, authenticate};
pub use heartbeat::{heartbeat, rotated_keys};
pub use provision::provision;
pub use rotate::rotate;

use mipo_protocol::problem::Code;
use mipo_protocol::signature::{JobPublicKey, KeyId, PublicKey};
use mipo_store::config::job_keys::{self, PublicJobKey};
use mipo_store::{Conn, StoreError};

use crate::refusal::Refusal;

/// Longest host name and the like.
const MAX_WORD_CHARACTERS: usize = 255;

/// Text from a machine that nobody here controls: limited, and printable.
fn check_word(field: &str, text: &str, most: usize) -> Result<(), Refusal> {
    let length = text.chars().count();
    if length == 0 || length > most || text.chars().any(char::is_control) {
        return Err(Refusal::invalid(field, "invalid", format!("must be 1 to {most} printable characters")));
    }
    Ok(())
}

/// The key that a new scanner pins: the oldest in use from which the others are vouched for, because jobs that it signed
/// may still wait. The younger ones come with the first heartbeat, before the first job.
pub async fn job_key_to_pin(conn: &mut Conn) -> Result<JobPublicKey, Refusal> {
    let keys = job_keys::in_use(conn).await?;
    let mut pinned = keys.first();
    while let Some(key) = pinned {
        let before = keys.iter().find(|before| {
            key.signed_by.as_deref() == Some(before.key_id.as_str()) && before.active_from < key.active_from
        });
        if before.is_none() {
            break;
        }
        pinned = before;
    }
    let key = pinned.ok_or_else(|| {
        // The dispatcher makes the key when it first starts; a scanner that enrols before that waits for it.
        let mut refusal = Refusal::new(Code::Unavailable, "the job signing key has not been made yet");
        refusal.retry_after = Some(2);
        refusal
    })?;
    let (key_id, public_key) = read_key(key)?;
    Ok(JobPublicKey { key_id, public_key })
}

fn read_key(row: &PublicJobKey) -> Result<(KeyId, PublicKey), StoreError> {
    let key = PublicKey::from_slice(&row.public_key)
        .map_err(|error| StoreError::inconsistent(format!("signing key {}: {error}", row.key_id)))?;
    Ok((KeyId(row.key_id.clone()), key))
}
