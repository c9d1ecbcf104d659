//! The states of things and their only legal moves, product 4.1, 4.2 and 4.3. The database repeats these tables as
//! CHECKs and triggers.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text names no state of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a status of a {kind}")]
pub struct UnknownStatus {
    /// What has the status.
    pub kind: &'static str,
    /// The text.
    pub text: String,
}

/// A move that the table does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {kind} cannot go from {from} to {to}")]
pub struct IllegalMove {
    /// What was to move.
    pub kind: &'static str,
    /// Its state.
    pub from: &'static str,
    /// Where it was to go.
    pub to: &'static str,
}

macro_rules! states {
    ($(#[$doc:meta])* $name:ident, $kind:literal {
        $($(#[$state_doc:meta])* $state:ident = $text:literal => [$($next:ident),*]),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$state_doc])* #[serde(rename = $text)] $state),+
        }

        impl $name {
            /// Every state.
            pub const ALL: &'static [Self] = &[$(Self::$state),+];

            /// The word in SQL, API and GUI.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$state => $text),+ }
            }

            /// Where it may go from here.
            pub const fn next(self) -> &'static [Self] {
                match self { $(Self::$state => &[$(Self::$next),*]),+ }
            }

            /// True when it may go to `to`.
            pub fn can_become(self, to: Self) -> bool {
                self.next().contains(&to)
            }

            /// `to`, if the table allows the move.
            pub fn become_(self, to: Self) -> Result<Self, IllegalMove> {
                if self.can_become(to) {
                    Ok(to)
                } else {
                    Err(IllegalMove { kind: $kind, from: self.as_str(), to: to.as_str() })
                }
            }

            /// True when nothing follows.
            pub const fn is_terminal(self) -> bool {
                self.next().is_empty()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownStatus;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|state| state.as_str() == text)
                    .ok_or_else(|| UnknownStatus { kind: $kind, text: text.to_owned() })
            }
        }
    };
}

states! {
    /// A scan.
    ScanStatus, "scan" {
        /// Requested or planned, nothing probed yet.
        Pending = "pending" => [Running, Paused, Cancelling, Failed],
        /// A scanner has started one of its jobs.
        Running = "running" => [Paused, Cancelling, Completed, Partial, Failed, Cancelled],
        /// Held by an operator.
        Paused = "paused" => [Pending, Running, Cancelling],
        /// Waiting for leased jobs to stop.
        Cancelling = "cancelling" => [Cancelled],
        /// Every sweep job completed.
        Completed = "completed" => [],
        /// Some coverage, not all.
        Partial = "partial" => [],
        /// No coverage.
        Failed = "failed" => [],
        /// Stopped by an operator.
        Cancelled = "cancelled" => [],
    }
}

states! {
    /// A scan job.
    JobStatus, "scan job" {
        /// Waiting for its scanner.
        Pending = "pending" => [Assigned, Paused, Partial, Failed, Cancelled, TimedOut],
        /// Handed out, not started.
        Assigned = "assigned" => [Running, Pending, Paused, Partial, Failed, Cancelled, TimedOut],
        /// Being probed.
        Running = "running" => [Completed, Pending, Paused, Partial, Failed, Cancelled, TimedOut],
        /// Held, without a lease.
        Paused = "paused" => [Pending, Partial, Failed, Cancelled, TimedOut],
        /// Every index accepted, none with an error.
        Completed = "completed" => [],
        /// Some of it.
        Partial = "partial" => [],
        /// None of it.
        Failed = "failed" => [],
        /// Stopped by an operator.
        Cancelled = "cancelled" => [],
        /// Older than allowed.
        TimedOut = "timed_out" => [],
    }
}

states! {
    /// A scanner.
    ScannerStatus, "scanner" {
        /// Made, not seen yet.
        Pending = "pending" => [Active, Disabled],
        /// Heard of within the last two minutes.
        Active = "active" => [Offline, Disabled],
        /// Silent.
        Offline = "offline" => [Active, Disabled],
        /// Switched off by hand.
        Disabled = "disabled" => [Offline, Pending],
    }
}

states! {
    /// An alarm.
    AlarmStatus, "alarm" {
        /// Nobody has looked yet.
        Open = "open" => [Acknowledged, Resolved],
        /// Somebody has.
        Acknowledged = "acknowledged" => [Resolved],
        /// Over. A new trigger opens a new alarm.
        Resolved = "resolved" => [],
    }
}

states! {
    /// A notification.
    NotificationStatus, "notification" {
        /// To be sent.
        Pending = "pending" => [Processing],
        /// Being sent.
        Processing = "processing" => [Sent, Failed],
        /// Delivered.
        Sent = "sent" => [],
        /// The last try failed.
        Failed = "failed" => [Processing, Exhausted],
        /// No tries left; can be sent again by hand.
        Exhausted = "exhausted" => [Pending],
    }
}

impl ScannerStatus {
    /// Where a disabled scanner goes when it is enabled.
    pub const fn when_enabled(had_heartbeat: bool) -> Self {
        if had_heartbeat { Self::Offline } else { Self::Pending }
    }
}

impl JobStatus {
    /// True while a scanner holds a lease.
    pub const fn is_leased(self) -> bool {
        matches!(self, Self::Assigned | Self::Running)
    }
}

/// What a job is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// Probes a share of the scan.
    Sweep,
    /// Looks a second time at flipped ports.
    Confirm,
}

impl JobKind {
    /// The word in SQL and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::Confirm => "confirm",
        }
    }
}

impl FromStr for JobKind {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "sweep" => Ok(Self::Sweep),
            "confirm" => Ok(Self::Confirm),
            other => Err(UnknownStatus { kind: "kind of scan job", text: other.to_owned() }),
        }
    }
}

/// The status of a job that is complete, from the counters of its accepted parts (product 6.4 Complete).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounters {
    /// N.
    pub planned: u64,
    /// End of the last accepted part.
    pub resume_index: u64,
    /// Indices with `open`, `closed`, `filtered` or `error`.
    pub attempted: u64,
    /// Indices with `error`.
    pub errors: u64,
    /// Indices with `not_probed`.
    pub not_probed: u64,
    /// Indices that an exclusion covers.
    pub excluded: u64,
    /// Two scanners probed it, one after the other: no vantage has seen all of it.
    pub shared: bool,
}

impl JobCounters {
    /// The final status, when the scanner says that it `completed` or not.
    pub const fn final_status(&self, completed: bool) -> JobStatus {
        if completed
            && self.resume_index == self.planned
            && self.attempted + self.excluded == self.planned
            && self.errors == 0
            && self.not_probed == 0
            && !self.shared
        {
            JobStatus::Completed
        } else if self.attempted > 0 {
            JobStatus::Partial
        } else {
            JobStatus::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_status_reads_its_own_text() {
        for status in ScanStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        for status in JobStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
            assert_eq!(serde_json::to_value(status).expect("json"), status.as_str());
        }
        assert!("done".parse::<JobStatus>().is_err());
    }

    #[test]
    fn any_job_that_has_not_ended_may_end() {
        for from in JobStatus::ALL.iter().filter(|s| !s.is_terminal()) {
            for to in [JobStatus::Partial, JobStatus::Failed, JobStatus::Cancelled, JobStatus::TimedOut] {
                assert!(from.can_become(to), "{from} to {to}");
            }
            assert_eq!(from.can_become(JobStatus::Completed), *from == JobStatus::Running);
        }
    }

    proptest! {
        #[test]
        fn no_walk_leaves_a_terminal_state_or_starts_a_cancelled_scan_again(walk in proptest::collection::vec(0_usize..8, 0..30)) {
            let mut state = ScanStatus::Pending;
            let mut cancelling = false;
            for step in walk {
                let to = ScanStatus::ALL[step];
                match state.become_(to) {
                    Ok(next) => {
                        prop_assert!(!state.is_terminal());
                        prop_assert!(!cancelling || next == ScanStatus::Cancelled);
                        state = next;
                    }
                    Err(refusal) => prop_assert_eq!(refusal.from, state.as_str()),
                }
                cancelling |= state == ScanStatus::Cancelling;
            }
        }

        #[test]
        fn a_job_walk_obeys_the_table(walk in proptest::collection::vec(0_usize..9, 0..40)) {
            let mut state = JobStatus::Pending;
            for step in walk {
                let to = JobStatus::ALL[step];
                if let Ok(next) = state.become_(to) {
                    // A job runs only after it was assigned, and is assigned only from pending.
                    prop_assert!(next != JobStatus::Running || state == JobStatus::Assigned);
                    prop_assert!(next != JobStatus::Assigned || state == JobStatus::Pending);
                    prop_assert!(next != JobStatus::Completed || state == JobStatus::Running);
                    state = next;
                }
            }
        }

        #[test]
        fn completed_means_everything_attempted(attempted in 0_u64..5, errors in 0_u64..3, not_probed in 0_u64..3, excluded in 0_u64..3) {
            let counters = JobCounters { planned: 4, resume_index: 4, attempted, errors, not_probed, excluded, shared: false };
            let complete = attempted + excluded == 4 && errors == 0 && not_probed == 0;
            prop_assert_eq!(counters.final_status(true) == JobStatus::Completed, complete);
            prop_assert_ne!(counters.final_status(false), JobStatus::Completed);
            prop_assert_ne!(JobCounters { shared: true, ..counters }.final_status(true), JobStatus::Completed);
            prop_assert_eq!(counters.final_status(false) == JobStatus::Failed, attempted == 0);
        }
    }
}
