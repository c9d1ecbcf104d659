//! What every service is run by: the real clock and chance, configuration, telemetry, shutdown, the ops server, and
//! the private PostgreSQL of a local trial.
pub mod config;
pub mod ops;
pub mod postgres;
pub mod shutdown;
pub mod telemetry;
pub mod traces;

mod system;

pub use shutdown::Shutdown;
pub use system::{OsEntropy, SystemClock};
