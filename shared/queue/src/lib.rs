//! The task queue: an apalis backend over schema `jobs`. The only crate that knows queue SQL.
//!
//! A task says "look at this id": truth lives in our own tables, so that a lost or doubled task is harmless. Enqueuing
//! takes the caller's open transaction ([`enqueue`]); the facts and the task that follows from them commit together.
//!
//! Handlers are ordinary apalis workers: `WorkerBuilder::new(name).backend(driver.backend(&kinds::PLAN_SCAN)).build(run)`
//! with `async fn run(payload: PlanScan, context: TaskContext, …) -> Result<Outcome, HandlerError>`.
mod backend;
mod context;
mod driver;
mod enqueue;
mod error;
mod logs;
mod measures;
mod outcome;
mod redaction;
mod seal;
mod task;
mod traces;

pub mod actions;
pub mod bulk;
pub mod cron;
pub mod filter;
pub mod kinds;
pub mod payloads;
pub mod state;
pub mod upkeep;
pub mod views;

/// What a worker was built with (`.data(…)`), as an argument of its handler.
pub use apalis_core::task::data::Data;
pub use backend::{AttemptLayer, AttemptService, Backend};
pub use context::TaskContext;
pub use driver::{Driver, DriverConfig, FailedTask};
pub use enqueue::{enqueue, enqueue_many};
pub use error::QueueError;
pub use kinds::{Backoff, Kind};
pub use logs::LogCapture;
pub use mipo_domain::ids::TaskId;
pub use outcome::{HandlerError, Outcome};
pub use task::{NewTask, OnConflict};
