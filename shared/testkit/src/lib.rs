//! For tests only: a database a test, a clock that the test sets, chance that repeats.
mod chance;
mod clock;
mod database;

pub use chance::SeededEntropy;
pub use clock::MockClock;
pub use database::{TestDb, database};
