//! The real clock and the real chance: the one place where they are read.
use chrono::{DateTime, Utc};
use mipo_domain::clock::Clock;
use mipo_domain::entropy::Entropy;

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the implementation that everybody else is given")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the implementation that everybody else is given")]
    #[expect(clippy::expect_used, reason = "without random bytes no secret can be made: stopping is the only answer")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives random bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let draw = || mipo_domain::entropy::bytes::<32>(&OsEntropy);
        assert_ne!(draw(), draw());
    }
}
