//! Handlers of queue tasks, a file a kind: `pub async fn run(ids, task: TaskContext, world: Data<Arc<World>>) ->
//! Result<Outcome, HandlerError>` (only the arguments that it needs, the ids first), and a line in `workers.rs`.
//!
//! A task says "look at this id". Each handler reads the state anew, does what is missing, and is done when nothing is.
pub mod bulk_operation;
pub mod bulk_repair;
pub mod conclude_job;
pub mod conclude_scan;
pub mod expire_credentials;
pub mod plan_scan;
pub mod prune_events;
pub mod prune_jobs;
pub mod prune_observations;
pub mod prune_tasks;
pub mod repair_job;
pub mod rollup_queues;
pub mod store_results;

/// Partitions of the results series are made so many days ahead.
pub const PARTITION_DAYS: i32 = 14;
