//! Which indices have their verdict: one byte each between the part cut last and the index drawn last.
//!
//! Verdicts come out of order, parts are contiguous. The low-water mark is the first index without a verdict; a part is
//! cut below it. How far drawing may run ahead of a straggler is bounded, and with it the memory.
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mipo_protocol::part::Verdict;
use mipo_protocol::wire::PART_MAX_INDICES;

use crate::engine::Outcome;
use crate::engine::verdicts::Ballot;

/// Indices that a part holds at most.
pub const PART: usize = PART_MAX_INDICES as usize;
/// Indices that may be open between the last cut and the last draw.
const AHEAD: usize = 2 * PART;

/// What is known of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Drawn, no verdict yet.
    Pending,
    /// Not probed, because it is excluded.
    Excluded,
    /// Probed, with this verdict.
    Judged(Verdict),
}

/// An open port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The round trip of its answer.
    pub rtt: Option<Duration>,
    /// Connects made for it.
    pub tries: u8,
    /// When it answered.
    pub at: DateTime<Utc>,
}

/// The verdicts of a contiguous range of indices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The first index.
    pub from: u64,
    /// One mark an index.
    pub marks: Vec<Mark>,
    /// The open ports.
    pub found: BTreeMap<u64, Found>,
    /// The votes, in a confirm job.
    pub ballots: BTreeMap<u64, Ballot>,
}

impl Draft {
    /// The index after the last.
    pub fn to(&self) -> u64 {
        self.from + self.marks.len() as u64
    }

    /// Every index with its mark.
    pub fn marks(&self) -> impl Iterator<Item = (u64, Mark)> {
        (self.from..).zip(self.marks.iter().copied())
    }

    /// Cuts it in two halves, when it became too big for a body.
    pub fn halve(mut self) -> (Self, Self) {
        let half = self.marks.len() / 2;
        let marks = self.marks.split_off(half);
        let from = self.to();
        let (found, ballots) = (self.found.split_off(&from), self.ballots.split_off(&from));
        (self, Self { from, marks, found, ballots })
    }
}

/// An answer to [`Ledger::draw`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// This one is next.
    Index(u64),
    /// Too many are open.
    Full,
    /// All are drawn.
    End,
}

/// The ledger of one run over `from..end`.
#[derive(Debug)]
pub struct Ledger {
    cut: u64,
    end: u64,
    marks: VecDeque<Mark>,
    /// Marks at the front that are not pending.
    settled: usize,
    found: BTreeMap<u64, Found>,
    ballots: BTreeMap<u64, Ballot>,
}

impl Ledger {
    /// Nothing drawn yet.
    pub fn new(from: u64, end: u64) -> Self {
        Self { cut: from, end, marks: VecDeque::new(), settled: 0, found: BTreeMap::new(), ballots: BTreeMap::new() }
    }

    /// Draws the next index; it is pending from now on.
    pub fn draw(&mut self) -> Draw {
        let next = self.cut + self.marks.len() as u64;
        if next >= self.end {
            return Draw::End;
        }
        if self.marks.len() >= AHEAD {
            return Draw::Full;
        }
        self.marks.push_back(Mark::Pending);
        Draw::Index(next)
    }

    /// An index that was drawn is not probed.
    pub fn exclude(&mut self, index: u64) {
        self.set(index, Mark::Excluded);
    }

    /// An index has its verdict.
    pub fn judge(&mut self, outcome: &Outcome, now: impl FnOnce() -> DateTime<Utc>) {
        let index = outcome.target.index;
        if outcome.verdict == Verdict::Open {
            self.found.insert(index, Found { rtt: outcome.rtt, tries: outcome.tries, at: now() });
        }
        if let Some(ballot) = outcome.ballot {
            self.ballots.insert(index, ballot);
        }
        self.set(index, Mark::Judged(outcome.verdict));
    }

    fn set(&mut self, index: u64, mark: Mark) {
        let position = index.checked_sub(self.cut).and_then(|offset| usize::try_from(offset).ok());
        if let Some(place) = position.and_then(|position| self.marks.get_mut(position)) {
            *place = mark;
        }
        while self.marks.get(self.settled).is_some_and(|mark| *mark != Mark::Pending) {
            self.settled += 1;
        }
    }

    /// Every index below it has its verdict.
    pub fn low_water(&self) -> u64 {
        self.cut + self.settled as u64
    }

    /// Whether anything lies below the low-water mark that is not cut.
    pub fn has_settled(&self) -> bool {
        self.settled > 0
    }

    /// Whether every index has its verdict and was cut.
    pub fn is_finished(&self) -> bool {
        self.cut == self.end
    }

    /// Whether a part may be cut because of its size, or because nothing will follow.
    pub fn is_ripe(&self) -> bool {
        self.settled >= PART || (self.settled > 0 && self.low_water() == self.end)
    }

    /// Takes what lies below the low-water mark, at most [`PART`] indices; none when nothing does.
    pub fn cut(&mut self) -> Option<Draft> {
        let count = self.settled.min(PART);
        if count == 0 {
            return None;
        }
        let from = self.cut;
        self.cut += count as u64;
        self.settled -= count;
        let later = (self.found.split_off(&self.cut), self.ballots.split_off(&self.cut));
        Some(Draft {
            from,
            marks: self.marks.drain(..count).collect(),
            found: std::mem::replace(&mut self.found, later.0),
            ballots: std::mem::replace(&mut self.ballots, later.1),
        })
    }
}
