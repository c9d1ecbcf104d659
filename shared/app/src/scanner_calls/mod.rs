//! Who a scanner is: exchanging its one-time token, showing its key, saying that it lives.
mod authenticate;
mod heartbeat;
mod provision;
mod rotate;

pub use authenticate::{AuthRules, admit_version, authenticate};
pub use heartbeat::heartbeat;
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

/// The key that signs jobs now.
async fn current_job_key(conn: &mut Conn) -> Result<JobPublicKey, Refusal> {
    let newest = job_keys::in_use(conn).await?.into_iter().next().ok_or_else(|| {
        // The dispatcher makes the key when it first starts; a scanner that enrols before that waits for it.
        let mut refusal = Refusal::new(Code::Unavailable, "the job signing key has not been made yet");
        refusal.retry_after = Some(2);
        refusal
    })?;
    let (key_id, public_key) = read_key(&newest)?;
    Ok(JobPublicKey { key_id, public_key })
}

fn read_key(row: &PublicJobKey) -> Result<(KeyId, PublicKey), StoreError> {
    let key = PublicKey::from_slice(&row.public_key)
        .map_err(|error| StoreError::inconsistent(format!("signing key {}: {error}", row.key_id)))?;
    Ok((KeyId(row.key_id.clone()), key))
}
