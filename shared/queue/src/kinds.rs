//! Every kind of task there is: its queue, attempts, back-off and deadline (product 9.2), in one place.
use std::time::Duration;

/// How long a failed task waits before its next attempt. The database adds ± 20 % jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// `first` × 2ⁿ after the attempt n (counted from 0), at most `max`.
    Doubling {
        /// Before the second attempt.
        first: Duration,
        /// Never longer.
        max: Duration,
    },
    /// These, in order; the last one repeats.
    Steps(&'static [Duration]),
}

impl Backoff {
    /// The wait after `attempt` failed (the first attempt is 1).
    pub fn after(self, attempt: u32) -> Duration {
        let failed = attempt.saturating_sub(1);
        match self {
            Self::Doubling { first, max } => {
                first.saturating_mul(1_u32.checked_shl(failed).unwrap_or(u32::MAX)).min(max)
            }
            Self::Steps(steps) => {
                let index = usize::try_from(failed).unwrap_or(usize::MAX).min(steps.len().saturating_sub(1));
                steps.get(index).copied().unwrap_or(Duration::ZERO)
            }
        }
    }
}

/// A kind of task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name, verb and noun.
    pub name: &'static str,
    /// The queue it lives in.
    pub queue: &'static str,
    /// The version of its payload.
    pub version: u16,
    /// How often it is tried.
    pub attempts: u16,
    /// How long it waits in between.
    pub backoff: Backoff,
    /// When an attempt is ended because it hangs.
    pub deadline: Duration,
    /// Its payload holds secrets: it is sealed at rest, masked when shown, and its values are struck out of errors and
    /// logs.
    pub sealed: bool,
}

/// A queue's own numbers; the row in `jobs.queues` starts with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: &'static str,
    /// Slots of one process.
    pub concurrency: u16,
    /// The oldest due task should not be older.
    pub age_target: Duration,
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn doubling(first: u64, max: u64) -> Backoff {
    Backoff::Doubling { first: secs(first), max: secs(max) }
}

const fn kind(name: &'static str, queue: &'static str, attempts: u16, backoff: Backoff, deadline: u64) -> Kind {
    Kind { name, queue, version: 1, attempts, backoff, deadline: secs(deadline), sealed: false }
}

const fn conclude(name: &'static str) -> Kind {
    kind(name, "conclude", 10, doubling(2, 300), 300)
}

const fn repair(name: &'static str) -> Kind {
    kind(name, "repair", 3, doubling(5, 3600), 120)
}

const MINUTES: Backoff = Backoff::Steps(&[secs(60), secs(300), secs(900)]);

const fn backup(name: &'static str) -> Kind {
    kind(name, "backups", 3, MINUTES, 6 * 3600)
}

const fn maintenance(name: &'static str) -> Kind {
    kind(name, "maintenance", 3, MINUTES, 1800)
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $kind:expr),+ $(,)?) => {
        $($(#[$doc])* pub static $name: Kind = $kind;)+

        /// All of them.
        pub static ALL: &[&Kind] = &[$(&$name),+];
    };
}

kinds! {
    /// Plans a scan: targets, exclusions, jobs, signatures.
    PLAN_SCAN = kind("plan_scan", "planning", 5, doubling(5, 300), 600),
    /// Stores the accepted parts of one scanner.
    STORE_RESULTS = kind("store_results", "results", 10, doubling(1, 60), 60),
    /// Concludes an ended job: coverage, changes, receipt.
    CONCLUDE_JOB = conclude("conclude_job"),
    /// Concludes a scan whose jobs have all ended.
    CONCLUDE_SCAN = conclude("conclude_scan"),
    /// Compares the results of a scan with what was expected.
    EVALUATE_TESTS = conclude("evaluate_tests"),
    /// Repairs one job error.
    REPAIR_JOB = repair("repair_job"),
    /// Repairs many.
    BULK_REPAIR = repair("bulk_repair"),
    /// Delivers one notification.
    DELIVER_NOTIFICATION = kind("deliver_notification", "notifications", 6, doubling(30, 480), 30),
    /// Makes a backup.
    RUN_BACKUP = backup("run_backup"),
    /// Uploads a bundle.
    UPLOAD_BUNDLE = backup("upload_bundle"),
    /// Verifies a bundle.
    VERIFY_BUNDLE = backup("verify_bundle"),
    /// Deletes bundles that are past their time.
    PRUNE_BUNDLES = backup("prune_bundles"),
    /// Restores a bundle for practice.
    RESTORE_DRILL = backup("restore_drill"),
    /// Builds an export.
    BUILD_EXPORT = kind("build_export", "exports", 2, Backoff::Steps(&[secs(30)]), 900),
    /// Checks the audit chain.
    VERIFY_AUDIT_CHAIN = maintenance("verify_audit_chain"),
    /// Deletes old system events.
    PRUNE_EVENTS = maintenance("prune_events"),
    /// Deletes old notifications.
    PRUNE_NOTIFICATIONS = maintenance("prune_notifications"),
    /// Deletes old tasks and makes the days of their history.
    PRUNE_TASKS = maintenance("prune_tasks"),
    /// Deletes ended scan jobs and unused cuts.
    PRUNE_JOBS = maintenance("prune_jobs"),
    /// Keeps the partitions of the results series.
    PRUNE_OBSERVATIONS = maintenance("prune_observations"),
    /// Deletes what has expired: tokens, login sessions, keys, live events.
    EXPIRE_CREDENTIALS = maintenance("expire_credentials"),
    /// Tells owners of tests that expire.
    EXPIRE_TESTS = maintenance("expire_tests"),
    /// Refreshes aggregates for charts.
    REFRESH_AGGREGATES = maintenance("refresh_aggregates"),
    /// Writes the minute's queue samples.
    ROLLUP_QUEUES = maintenance("rollup_queues"),
    /// Looks at TLS certificates.
    CHECK_CERTIFICATES = maintenance("check_certificates"),
    /// Works through a bulk operation of an operator.
    BULK_OPERATION = kind("bulk_operation", "bulk", 10, doubling(5, 3600), 3600),
}

/// The nine queues.
pub static QUEUES: &[Queue] = &[
    Queue { name: "planning", concurrency: 2, age_target: secs(10) },
    Queue { name: "results", concurrency: 4, age_target: secs(2) },
    Queue { name: "conclude", concurrency: 4, age_target: secs(15) },
    Queue { name: "repair", concurrency: 2, age_target: secs(10) },
    Queue { name: "notifications", concurrency: 8, age_target: secs(30) },
    Queue { name: "backups", concurrency: 1, age_target: secs(60) },
    Queue { name: "exports", concurrency: 2, age_target: secs(30) },
    Queue { name: "maintenance", concurrency: 1, age_target: secs(600) },
    Queue { name: "bulk", concurrency: 1, age_target: secs(30) },
];

/// The kind of this name.
pub fn by_name(name: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|kind| kind.name == name)
}

/// The queue of this name.
pub fn queue(name: &str) -> Option<&'static Queue> {
    QUEUES.iter().find(|queue| queue.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_queue_and_a_name_of_its_own() {
        let names: BTreeSet<_> = ALL.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), ALL.len());
        for kind in ALL {
            assert!(queue(kind.queue).is_some(), "{} lives in a queue that is not there: {}", kind.name, kind.queue);
            assert_eq!(by_name(kind.name), Some(*kind));
        }
        for queue in QUEUES {
            assert!(ALL.iter().any(|kind| kind.queue == queue.name), "{} has no kinds", queue.name);
        }
    }

    #[test]
    fn waits_are_those_of_the_product() {
        let waits = |kind: &Kind| -> Vec<u64> {
            (1..kind.attempts).map(|attempt| kind.backoff.after(u32::from(attempt)).as_secs()).collect()
        };
        assert_eq!(waits(&PLAN_SCAN), [5, 10, 20, 40]);
        assert_eq!(waits(&STORE_RESULTS), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(waits(&CONCLUDE_JOB), [2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(waits(&DELIVER_NOTIFICATION), [30, 60, 120, 240, 480]);
        assert_eq!(waits(&RUN_BACKUP), [60, 300]);
        assert_eq!(waits(&BUILD_EXPORT), [30]);
        assert_eq!(PLAN_SCAN.backoff.after(u32::MAX), Duration::from_mins(5));
    }
}
