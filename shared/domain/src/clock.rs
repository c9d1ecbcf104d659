//! Time as an argument.
use chrono::{DateTime, Utc};

/// Tells the current instant. The real one is `mipo_runtime::SystemClock`; tests use a clock that they set.
pub trait Clock: Send + Sync {
    /// The current instant, UTC.
    fn now(&self) -> DateTime<Utc>;
}
