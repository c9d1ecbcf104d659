//! What the queue tells Prometheus, each by its name: set where it happens, described here.
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};

use crate::kinds::Kind;

/// Seconds from when a task was due until it was claimed, by `kind`.
pub(crate) const WAIT: &str = "mipo_queue_wait_seconds";
/// Seconds that an attempt ran, however it ended, by `kind`.
pub(crate) const RUN: &str = "mipo_queue_run_seconds";
/// Attempts whose end was accepted, by `kind` and `outcome`.
pub(crate) const ATTEMPTS: &str = "mipo_queue_attempts_total";
/// Attempts that failed and are followed by another one, by `kind`.
pub(crate) const RETRIES: &str = "mipo_queue_retries_total";
/// Answers that were refused because the lease was lost, by `kind`.
pub(crate) const STALE: &str = "mipo_queue_stale_answers_total";
/// Attempts that were stopped here because their lease was lost, by `kind`.
pub(crate) const LOST: &str = "mipo_queue_lost_leases_total";
/// Tasks that this process returned because their worker had stopped renewing.
pub(crate) const RESCUED: &str = "mipo_queue_rescued_total";
/// Tasks that ended dead, by `kind`, however that came about; counted by the process that tells of them.
pub(crate) const DEAD: &str = "mipo_queue_dead_total";
/// Live tasks by `queue` and `state`, as the sample of the last minute has them.
pub(crate) const TASKS: &str = "mipo_queue_tasks";
/// The age of the oldest due task, by `queue`, as the sample of the last minute has it.
pub(crate) const OLDEST: &str = "mipo_queue_oldest_age_seconds";

/// Says what each is and its unit; does nothing where nobody collects.
pub(crate) fn describe() {
    describe_histogram!(WAIT, Unit::Seconds, "Time from when a task was due until it was claimed");
    describe_histogram!(RUN, Unit::Seconds, "Time that an attempt ran, however it ended");
    describe_counter!(ATTEMPTS, Unit::Count, "Attempts whose end was accepted, by outcome");
    describe_counter!(RETRIES, Unit::Count, "Attempts that failed and are followed by another one");
    describe_counter!(STALE, Unit::Count, "Answers that were refused because the lease was lost");
    describe_counter!(LOST, Unit::Count, "Attempts that were stopped because their lease was lost");
    describe_counter!(RESCUED, Unit::Count, "Tasks returned because their worker had stopped renewing them");
    describe_counter!(DEAD, Unit::Count, "Tasks that ended dead, by the dispatcher that told of them");
    describe_gauge!(TASKS, Unit::Count, "Live tasks by state, sampled each minute by the dispatcher");
    describe_gauge!(OLDEST, Unit::Seconds, "Age of the oldest due task, sampled each minute by the dispatcher");
    counter!(RESCUED).increment(0);
}

/// Counters of a kind that this process works on start at 0: the first increase is one, too.
pub(crate) fn begin(kind: &Kind) {
    for name in [RETRIES, STALE, LOST, DEAD] {
        counter!(name, "kind" => kind.name).increment(0);
    }
}
