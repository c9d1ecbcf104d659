//! The real clock and the real source of random bytes.
use chrono::{DateTime, Utc};
use mipo_domain::clock::Clock;
use mipo_domain::entropy::Entropy;

/// The time of this machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that others are given")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The generator of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the source that others are given")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives random bytes from its start on");
    }
}
