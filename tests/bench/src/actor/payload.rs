//! What every task carries.
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Bytes of the payload as JSON, the same for every queue.
const BYTES: usize = 150;

/// When the task was enqueued, and padding.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Payload {
    /// Nanoseconds since 1970; 0 = this task is not timed.
    pub at: u64,
    /// Fills it up to the size.
    pub pad: String,
}

impl Payload {
    /// One that is not timed.
    pub fn untimed() -> Self {
        Self::of(0)
    }

    /// One that is enqueued now.
    pub fn now() -> Self {
        Self::of(nanos())
    }

    fn of(at: u64) -> Self {
        let empty = r#"{"at":,"pad":""}"#.len();
        Self { at, pad: "x".repeat(BYTES - empty - at.to_string().len()) }
    }
}

/// Nanoseconds since 1970: all processes of the bench run on one machine, so they share this clock.
#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
pub fn nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_payloads_are_of_one_size() {
        for payload in [Payload::untimed(), Payload::now()] {
            assert_eq!(serde_json::to_string(&payload).expect("plain data").len(), BYTES);
        }
    }
}
