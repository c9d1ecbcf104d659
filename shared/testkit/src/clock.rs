//! Time that a test sets.
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use mipo_domain::clock::Clock;

/// Stands still until it is moved. A clone shares its time.
#[derive(Clone, Debug)]
pub struct MockClock(Arc<Mutex<DateTime<Utc>>>);

impl MockClock {
    /// A clock at `instant`.
    pub fn at(instant: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(instant)))
    }

    /// Sets it, forwards or backwards.
    pub fn set(&self, instant: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = instant;
    }

    /// Moves it by `delta`.
    pub fn advance(&self, delta: TimeDelta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += delta;
    }
}

impl Default for MockClock {
    /// 2026-01-05 12:00 UTC, a Monday.
    fn default() -> Self {
        Self::at(DateTime::from_timestamp(1_767_614_400, 0).expect("in range"))
    }
}

impl Clock for MockClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_time() {
        let clock = MockClock::default();
        let other = clock.clone();
        clock.advance(TimeDelta::minutes(5));
        assert_eq!(other.now().to_rfc3339(), "2026-01-05T12:05:00+00:00");
    }
}
