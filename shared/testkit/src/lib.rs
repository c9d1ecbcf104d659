//! For tests only: a database a test, a clock that the test sets, chance that repeats, and a world of them.
mod chance;
mod clock;
mod database;
mod world;

pub use chance::SeededEntropy;
pub use clock::MockClock;
pub use database::{TestDb, database};
pub use world::World;
