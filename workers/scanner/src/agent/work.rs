//! The engine's view of a job: what to probe next, and where its verdicts go.
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{Duration, Instant};

use mipo_domain::clock::Clock;
use mipo_domain::exclusions::Exclusions;
use mipo_domain::ports::Protocol;
use mipo_domain::targets::{IndexSpace, Probe};
use mipo_protocol::part::Verdict;
use mipo_protocol::wire::PART_MAX_SECONDS;

use super::job::Job;
use crate::engine::{Outcome, Step, Target, Work};
use crate::ledger::{Draft, Draw, Ledger};

/// The first part comes soon, so that a page shows life.
const FIRST_PART: Duration = Duration::from_secs(1);
const PART: Duration = Duration::from_secs(PART_MAX_SECONDS);

/// A job being probed.
pub struct JobWork<'a> {
    job: &'a Job,
    space: &'a IndexSpace,
    clock: &'a dyn Clock,
    ledger: Ledger,
    exclusions: Arc<Exclusions>,
    drafts: SyncSender<Draft>,
    /// Cut, but the keeper is busy.
    waiting: Option<Draft>,
    last_cut: Instant,
    patience: Duration,
}

impl<'a> JobWork<'a> {
    /// Probes from `from` on.
    pub fn new(
        job: &'a Job,
        space: &'a IndexSpace,
        clock: &'a dyn Clock,
        from: u64,
        drafts: SyncSender<Draft>,
    ) -> Self {
        Self {
            job,
            space,
            clock,
            ledger: Ledger::new(from, space.count()),
            exclusions: job.exclusions(),
            drafts,
            waiting: None,
            last_cut: Instant::now(),
            patience: FIRST_PART,
        }
    }

    /// Hands over what lies below the low-water mark; called when the engine has stopped.
    pub fn finish(mut self) {
        while let Some(draft) = self.waiting.take().or_else(|| self.ledger.cut()) {
            if self.drafts.send(draft).is_err() {
                return;
            }
        }
    }

    fn cut(&mut self, now: Instant) {
        if self.waiting.is_none() {
            let due = self.ledger.has_settled() && now.duration_since(self.last_cut) >= self.patience;
            if !due && !self.ledger.is_ripe() {
                return;
            }
            self.waiting = self.ledger.cut();
            self.last_cut = now;
            self.patience = PART;
        }
        let Some(draft) = self.waiting.take() else { return };
        if let Err(TrySendError::Full(draft)) = self.drafts.try_send(draft) {
            self.waiting = Some(draft);
        }
    }
}

impl Work for JobWork<'_> {
    fn next(&mut self) -> Step {
        let index = match self.ledger.draw() {
            Draw::Index(index) => index,
            Draw::Full => return Step::Blocked,
            Draw::End => return Step::Done,
        };
        let Some(probe) = self.space.probe_at(index) else { return Step::Done };
        if self.exclusions.covers(probe) {
            self.ledger.exclude(index);
            return Step::Skipped;
        }
        Step::Probe(Target { index, ip: probe.ip, port: probe.port })
    }

    fn is_wanted(&self, target: &Target) -> bool {
        !self.exclusions.covers(Probe { ip: target.ip, protocol: Protocol::Tcp, port: target.port })
    }

    fn dropped(&mut self, target: Target) {
        self.ledger.exclude(target.index);
    }

    fn judged(&mut self, outcome: Outcome) {
        if outcome.verdict == Verdict::Open {
            self.job.found_one();
        }
        let clock = self.clock;
        self.ledger.judge(&outcome, || clock.now());
    }

    fn tick(&mut self, now: Instant) {
        self.job.reached(self.ledger.low_water());
        if let Some(exclusions) = self.job.newer_exclusions(&self.exclusions) {
            self.exclusions = exclusions;
        }
        self.cut(now);
    }
}
