//! When to come back to a server that did not answer.
use std::time::Duration;

use mipo_domain::entropy::{Entropy, bytes};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// Doubles from 1 s to 60 s; each pause is a random one between half of it and all of it, so that scanners that lost
/// the server together do not come back together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after one more failure; the server's own wish counts when it is longer.
    pub fn pause(&mut self, entropy: &dyn Entropy, wish: Option<Duration>) -> Duration {
        let full = FIRST.saturating_mul(1 << self.failures.min(6)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let chance = f64::from(u16::from_le_bytes(bytes(entropy))) / f64::from(u16::MAX);
        let pause = full.mul_f64(0.5 + chance / 2.0).max(FIRST);
        wish.map_or(pause, |wish| pause.max(wish.min(Duration::from_mins(10))))
    }

    /// It went well again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Least;

    impl Entropy for Least {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    struct Most;

    impl Entropy for Most {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(255);
        }
    }

    #[test]
    fn pauses_lie_between_one_second_and_a_minute() {
        for (entropy, last) in [(&Least as &dyn Entropy, 30), (&Most, 60)] {
            let mut backoff = Backoff::default();
            let pauses: Vec<Duration> = (0..20).map(|_| backoff.pause(entropy, None)).collect();
            assert!(pauses.is_sorted() && pauses[0] == FIRST);
            assert_eq!(pauses[19], Duration::from_secs(last));
            backoff.reset();
            assert_eq!(backoff.pause(entropy, Some(Duration::from_secs(5))), Duration::from_secs(5));
        }
    }
}
