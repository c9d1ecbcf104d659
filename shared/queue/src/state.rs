//! The life of a task as one pure machine. The functions of `jobs` follow it; a property test holds them to it.
use chrono::{DateTime, TimeDelta, Utc};

/// The stored states. What people are shown (scheduled, ready, retrying, snoozed, waiting) is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not running now; in `jobs.tasks`.
    Pending,
    /// Leased to a worker; in `jobs.tasks`.
    Running,
    /// Ended well; in the history, like the next two.
    Done,
    /// Used up its attempts, or can never work.
    Dead,
    /// Somebody cancelled it.
    Cancelled,
    /// An operator set it aside.
    Discarded,
}

impl Status {
    /// The word that is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
            Self::Discarded => "discarded",
        }
    }
}

/// Which lease it is; a new one with each claim. The database has uuids, the machine counts.
pub type Fence = u64;

/// What happens to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// A worker takes it.
    Claim,
    /// The worker with this fence is done.
    Finish(Fence),
    /// It failed; try again after so long.
    Fail(Fence, TimeDelta),
    /// Not yet; again after so long, without using an attempt.
    Snooze(Fence, TimeDelta),
    /// It can never work.
    Abort(Fence),
    /// It was not begun, or our own end interrupted it: the attempt does not count.
    Return(Fence),
    /// Its lease ran out.
    Expire,
    /// Somebody does not want it any more.
    Cancel,
    /// The worker stopped because of that.
    ConfirmCancel(Fence),
    /// Somebody gives an ended task this many attempts once more.
    Retry(u32),
    /// Somebody sets it aside.
    Discard,
    /// Takes that back, in time.
    UndoDiscard,
    /// Somebody does not want to wait for its time.
    RunNow,
}

/// Why a move is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The fence is not that of the lease: the answer of a worker that lost it.
    Stale,
    /// The state does not allow it.
    Illegal,
}

/// A task, as far as its life goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Where it stands.
    pub status: Status,
    /// Counted at the claim.
    pub attempts: u32,
    /// Never fewer than `attempts`.
    pub max_attempts: u32,
    /// Not before.
    pub run_at: DateTime<Utc>,
    /// The last worker said "not yet".
    pub snoozed: bool,
    /// Somebody cancelled it while it runs.
    pub cancel_requested: bool,
    /// The lease, exactly while it runs.
    pub fence: Option<Fence>,
    /// The next fence.
    pub next_fence: Fence,
    /// What it was before it was discarded, exactly while it is.
    pub discarded_from: Option<Status>,
}

impl Task {
    /// A new task.
    pub const fn new(max_attempts: u32, run_at: DateTime<Utc>) -> Self {
        Self {
            status: Status::Pending,
            attempts: 0,
            max_attempts,
            run_at,
            snoozed: false,
            cancel_requested: false,
            fence: None,
            next_fence: 1,
            discarded_from: None,
        }
    }

    /// The task after `step` at `now`.
    pub fn after(&self, step: Move, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let mut next = self.clone();
        match step {
            Move::Claim => {
                if self.status != Status::Pending || self.run_at > now {
                    return Err(Refusal::Illegal);
                }
                next.status = Status::Running;
                next.attempts += 1;
                next.snoozed = false;
                next.fence = Some(self.next_fence);
                next.next_fence += 1;
            }
            Move::Finish(fence) => {
                self.check(fence)?;
                next.end(Status::Done);
            }
            Move::Fail(fence, delay) => {
                self.check(fence)?;
                if self.cancel_requested {
                    next.end(Status::Cancelled);
                } else if self.attempts >= self.max_attempts {
                    next.end(Status::Dead);
                } else {
                    next.put_back(self.attempts, now + delay, false);
                }
            }
            Move::Snooze(fence, delay) => {
                self.check(fence)?;
                if self.cancel_requested {
                    next.end(Status::Cancelled);
                } else {
                    next.put_back(self.attempts - 1, now + delay, true);
                }
            }
            Move::Abort(fence) => {
                self.check(fence)?;
                next.end(Status::Dead);
            }
            Move::Return(fence) => {
                self.check(fence)?;
                if self.cancel_requested {
                    next.end(Status::Cancelled);
                } else {
                    next.put_back(self.attempts - 1, self.run_at, false);
                }
            }
            Move::ConfirmCancel(fence) => {
                self.check(fence)?;
                next.end(Status::Cancelled);
            }
            Move::Expire => {
                if self.status != Status::Running {
                    return Err(Refusal::Illegal);
                }
                if self.cancel_requested {
                    next.end(Status::Cancelled);
                } else if self.attempts >= self.max_attempts {
                    next.end(Status::Dead);
                } else {
                    next.put_back(self.attempts, now, false);
                }
            }
            Move::Cancel => match self.status {
                Status::Pending => next.end(Status::Cancelled),
                Status::Running => next.cancel_requested = true,
                _ => return Err(Refusal::Illegal),
            },
            Move::Retry(attempts) => {
                if !matches!(self.status, Status::Dead | Status::Cancelled) {
                    return Err(Refusal::Illegal);
                }
                next.status = Status::Pending;
                next.max_attempts = self.attempts + attempts.max(1);
                next.run_at = now;
            }
            Move::Discard => {
                if !matches!(self.status, Status::Pending | Status::Dead | Status::Cancelled) {
                    return Err(Refusal::Illegal);
                }
                next.discarded_from = Some(self.status);
                next.end(Status::Discarded);
            }
            Move::UndoDiscard => {
                next.status = self.discarded_from.ok_or(Refusal::Illegal)?;
                next.discarded_from = None;
            }
            Move::RunNow => {
                if self.status != Status::Pending || self.run_at <= now {
                    return Err(Refusal::Illegal);
                }
                next.run_at = now;
                next.snoozed = false;
            }
        }
        Ok(next)
    }

    /// True when the fields fit together, as the CHECKs of the tables say it.
    pub fn is_whole(&self) -> bool {
        let running = self.status == Status::Running;
        self.attempts <= self.max_attempts
            && self.max_attempts >= 1
            && (!running || self.attempts >= 1)
            && running == self.fence.is_some()
            && (!self.snoozed || self.status == Status::Pending)
            && (!self.cancel_requested || running)
            && (self.status == Status::Discarded) == self.discarded_from.is_some()
    }

    fn check(&self, fence: Fence) -> Result<(), Refusal> {
        if self.fence == Some(fence) { Ok(()) } else { Err(Refusal::Stale) }
    }

    fn end(&mut self, status: Status) {
        self.status = status;
        self.fence = None;
        self.snoozed = false;
        self.cancel_requested = false;
    }

    fn put_back(&mut self, attempts: u32, run_at: DateTime<Utc>, snoozed: bool) {
        self.status = Status::Pending;
        self.attempts = attempts;
        self.run_at = run_at;
        self.snoozed = snoozed;
        self.fence = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moves() -> impl Strategy<Value = Move> {
        let fence = 0..8_u64;
        let delay = prop_oneof![Just(TimeDelta::zero()), Just(TimeDelta::hours(1))];
        prop_oneof![
            5 => Just(Move::Claim),
            2 => fence.clone().prop_map(Move::Finish),
            4 => (fence.clone(), delay.clone()).prop_map(|(fence, delay)| Move::Fail(fence, delay)),
            2 => (fence.clone(), delay).prop_map(|(fence, delay)| Move::Snooze(fence, delay)),
            1 => fence.clone().prop_map(Move::Abort),
            2 => fence.clone().prop_map(Move::Return),
            2 => Just(Move::Expire),
            1 => Just(Move::Cancel),
            1 => fence.prop_map(Move::ConfirmCancel),
            1 => (1..4_u32).prop_map(Move::Retry),
            1 => Just(Move::Discard),
            2 => Just(Move::UndoDiscard),
            1 => Just(Move::RunNow),
        ]
    }

    proptest! {
        #[test]
        fn no_road_leads_to_a_broken_task(steps in prop::collection::vec(moves(), 1..60)) {
            let mut now = DateTime::UNIX_EPOCH;
            let mut task = Task::new(3, now);
            for step in steps {
                now += TimeDelta::minutes(25);
                let before = task.clone();
                match task.after(step, now) {
                    Ok(next) => {
                        prop_assert!(next.is_whole(), "{before:?} --{step:?}-> {next:?}");
                        prop_assert!(next.next_fence >= before.next_fence);
                        // Only an operator's word leaves an ended state.
                        let ended = !matches!(before.status, Status::Pending | Status::Running);
                        prop_assert!(!ended || matches!(step, Move::Retry(_) | Move::Discard | Move::UndoDiscard));
                        prop_assert!(before.status != Status::Done);
                        task = next;
                    }
                    Err(_) => prop_assert!(task.is_whole()),
                }
            }
        }

        #[test]
        fn an_old_fence_never_counts(steps in prop::collection::vec(moves(), 1..40), old in 0..8_u64) {
            let mut now = DateTime::UNIX_EPOCH;
            let mut task = Task::new(3, now);
            for step in steps {
                now += TimeDelta::minutes(25);
                if let Ok(next) = task.after(step, now) {
                    task = next;
                }
                if task.fence != Some(old) {
                    prop_assert_eq!(task.after(Move::Finish(old), now), Err(Refusal::Stale));
                }
            }
        }
    }
}
