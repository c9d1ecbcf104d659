//! Targets that wait for their turn.
use std::time::Instant;

use super::Target;
use super::verdicts::Ballot;

/// A target that is not under way: new, or to be repeated later.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// When its turn comes.
    pub at: Instant,
    /// What to probe.
    pub target: Target,
    /// Tries that were met by silence.
    pub tries: u8,
    /// Tries that failed here.
    pub faults: u8,
    /// The votes of a confirm job.
    pub ballot: Ballot,
    /// Its host's token is taken already.
    pub paced: bool,
}

impl Pending {
    /// A target just drawn.
    pub fn new(target: Target, now: Instant) -> Self {
        Self { at: now, target, tries: 0, faults: 0, ballot: Ballot::default(), paced: false }
    }
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Pending {}

impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.target.index).cmp(&(other.at, other.target.index))
    }
}
