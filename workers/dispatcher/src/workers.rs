//! Which handler works on which kind: the one table of them.
use std::sync::Arc;

use apalis_core::monitor::Monitor;
use apalis_core::worker::builder::WorkerBuilder;
use mipo_queue::{Driver, Kind, kinds};

use crate::World;
use crate::tasks;

macro_rules! handlers {
    ($($kind:ident => $handler:path),+ $(,)?) => {
        /// Every kind that the dispatcher works on.
        pub static HANDLED: &[&Kind] = &[$(&kinds::$kind),+];

        /// An apalis worker a kind, all on `driver`. Run the monitor; it ends when the driver does.
        pub fn register(driver: &Driver, world: &Arc<World>) -> Monitor {
            let monitor = Monitor::new();
            $(
                let (of, with) = (driver.clone(), Arc::clone(world));
                let monitor = monitor.register(move |_restarts| {
                    WorkerBuilder::new(kinds::$kind.name)
                        .backend(of.backend(&kinds::$kind))
                        .data(Arc::clone(&with))
                        .build($handler)
                });
            )+
            monitor
        }
    };
}

handlers! {
    PLAN_SCAN => tasks::plan_scan::run,
    STORE_RESULTS => tasks::store_results::run,
    CONCLUDE_JOB => tasks::conclude_job::run,
    CONCLUDE_SCAN => tasks::conclude_scan::run,
    REPAIR_JOB => tasks::repair_job::run,
    BULK_REPAIR => tasks::bulk_repair::run,
    BULK_OPERATION => tasks::bulk_operation::run,
    PRUNE_TASKS => tasks::prune_tasks::run,
    ROLLUP_QUEUES => tasks::rollup_queues::run,
    PRUNE_EVENTS => tasks::prune_events::run,
    PRUNE_JOBS => tasks::prune_jobs::run,
    PRUNE_OBSERVATIONS => tasks::prune_observations::run,
    EXPIRE_CREDENTIALS => tasks::expire_credentials::run,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crons;

    #[test]
    fn what_the_clock_enqueues_has_a_handler() {
        for entry in crons::ENTRIES {
            assert!(
                HANDLED.contains(&entry.kind),
                "nobody works on {}, which cron {} enqueues",
                entry.kind.name,
                entry.name
            );
        }
    }
}
