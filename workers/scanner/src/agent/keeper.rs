//! Keeps the lease of a job, and hands in its parts until the server has them.
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use mipo_domain::exclusions::Exclusions;
use mipo_domain::hash::Hash256;
use mipo_domain::targets::IndexSpace;
use mipo_protocol::messages::{
    CompleteAnswer, CompleteRequest, CompleteStatus, ProgressAnswer, ProgressRequest, ReleaseRequest, ResultsAnswer,
};
use mipo_protocol::part::Part;
use mipo_protocol::problem::{Action, Code, Problem};
use mipo_protocol::spec::Spec;
use mipo_protocol::wire::{PART_SHA256_HEADER, PROGRESS_SECONDS};
use serde::de::IgnoredAny;

use super::Agent;
use super::api::CallError;
use super::backoff::Backoff;
use super::job::{Job, Order};
use super::parts::{self, Tally};
use super::spool::Spooled;
use crate::ledger::Draft;

/// Parts that may wait for the server; with more, probing waits too.
const UNSENT: usize = 64;
/// How long a scanner that goes down tries to hand in what it has.
const FAREWELL: Duration = Duration::from_secs(5);
/// The first progress comes soon, so that a page shows life.
const FIRST_PROGRESS: Duration = Duration::from_secs(2);
/// An order is seen at least so soon.
const LOOK: Duration = Duration::from_millis(200);
/// The longest error message that is taken.
const MESSAGE: usize = 2_000;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Complete.
    Done,
    /// Handed back.
    Released,
    /// The lease is lost or the server is away: the spool is kept for a re-claim.
    Lost,
    /// The server wants nothing more of this job.
    Gone,
    /// This machine failed.
    Failed,
    /// Parts are missing that are not here any more: probe again from where the server is.
    Restart,
}

struct Unsent {
    spooled: Spooled,
    seq: u32,
}

/// When a kind of call is due, and how patient it has become.
struct Retry {
    backoff: Backoff,
    at: Instant,
}

impl Retry {
    fn new(at: Instant) -> Self {
        Self { backoff: Backoff::default(), at }
    }

    /// It went well: due again `after` this.
    fn went_well(&mut self, after: Duration) {
        self.backoff.reset();
        self.at = Instant::now() + after;
    }

    /// It did not: due again after the pause.
    fn failed(&mut self, agent: &Agent, error: &CallError) {
        self.at = Instant::now() + self.backoff.pause(&*agent.entropy, error.retry_after());
    }
}

/// The keeper of one run.
pub struct Keeper<'a> {
    agent: &'a Agent,
    job: &'a Job,
    spec: &'a Spec,
    space: &'a IndexSpace,
    unsent: VecDeque<Unsent>,
    next_seq: u32,
    spooled_to: u64,
    tally: Tally,
    /// For parts and the last word.
    handing_in: Retry,
    /// For progress, which renews the lease also while the server takes no parts.
    telling: Retry,
    ordered_at: Option<Instant>,
}

impl<'a> Keeper<'a> {
    /// Takes over what an earlier attempt left in the spool, as parts of this one.
    pub fn new(
        agent: &'a Agent,
        job: &'a Job,
        spec: &'a Spec,
        space: &'a IndexSpace,
        resume_index: u64,
    ) -> std::io::Result<Self> {
        let now = Instant::now();
        let mut keeper = Self {
            agent,
            job,
            spec,
            space,
            unsent: VecDeque::new(),
            next_seq: 0,
            spooled_to: resume_index,
            tally: Tally::default(),
            handing_in: Retry::new(now),
            telling: Retry::new(now + FIRST_PROGRESS),
            ordered_at: None,
        };
        for spooled in agent.spool.chain(job.id, resume_index)? {
            // A part that cannot be read ends the chain: its indices are probed again.
            if spooled.from != keeper.spooled_to || !keeper.take_over(&spooled)? {
                spooled.remove()?;
            }
        }
        if keeper.next_seq > 0 {
            tracing::info!(job.id = %job.id, parts = keeper.next_seq, "spooled parts are handed in again");
        }
        job.reached(keeper.spooled_to);
        Ok(keeper)
    }

    fn take_over(&mut self, spooled: &Spooled) -> std::io::Result<bool> {
        let Ok(mut part) = Part::from_bytes(&spooled.read()?) else { return Ok(false) };
        let inside = part.to_index <= self.space.count();
        if (part.from_index, part.to_index) != (spooled.from, spooled.to) || !inside {
            return Ok(false);
        }
        (part.lease_attempt, part.seq) = (self.job.lease_attempt, self.next_seq);
        let exclusions = Exclusions::new(self.spec.exclusions.clone());
        let excluded = self.space.excluded_between(&self.spec.targets, &exclusions, part.from_index, part.to_index);
        let tally = Tally {
            attempted: part.to_index - part.from_index - excluded,
            open: part.hosts.iter().map(|host| host.open.len() as u64).sum(),
        };
        self.store(&part, tally)?;
        Ok(true)
    }

    fn store(&mut self, part: &Part, tally: Tally) -> std::io::Result<()> {
        let bytes = part.to_bytes();
        let spooled = self.agent.spool.store(self.job.id, part.from_index, part.to_index, &bytes)?;
        self.unsent.push_back(Unsent { spooled, seq: part.seq });
        self.next_seq = part.seq + 1;
        self.spooled_to = part.to_index;
        self.tally.attempted += tally.attempted;
        self.tally.open += tally.open;
        Ok(())
    }

    fn take(&mut self, draft: Draft) -> std::io::Result<()> {
        let (part, tally) = parts::build(&draft, self.space, self.job.lease_attempt, self.next_seq);
        if draft.marks.len() > 1 && !parts::fits(&part.to_bytes()) {
            let (first, second) = draft.halve();
            self.take(first)?;
            return self.take(second);
        }
        self.store(&part, tally)
    }

    /// The first index that is not in the spool.
    pub fn probe_from(&self) -> u64 {
        self.spooled_to
    }

    /// Works until the job ends.
    pub fn keep(&mut self, inbox: &Receiver<Draft>) -> End {
        let mut over = false;
        loop {
            if let Some(order) = self.job.ordered() {
                self.job.control.stop();
                let since = *self.ordered_at.get_or_insert_with(Instant::now);
                if order == Order::Abandon || (order == Order::Shutdown && since.elapsed() > FAREWELL) {
                    return End::Lost;
                }
            }
            if over || self.unsent.len() >= UNSENT {
                std::thread::sleep(self.pause(over));
            } else {
                match inbox.recv_timeout(self.pause(over)) {
                    Ok(draft) => {
                        if let Err(error) = self.take(draft) {
                            return self.fail(&format!("the spool cannot be written: {error}"));
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => over = true,
                }
            }
            if let Some(end) = self.call(over) {
                return end;
            }
        }
    }

    /// Makes the calls that are due. Progress comes first and has its own patience: a server that takes no parts for a
    /// while must still hear that this job lives, and says what else is excluded.
    fn call(&mut self, over: bool) -> Option<End> {
        if Instant::now() >= self.telling.at {
            match self.progress() {
                Ok(()) => self.telling.went_well(Duration::from_secs(PROGRESS_SECONDS)),
                Err(error) => {
                    self.telling.failed(self.agent, &error);
                    if let Some(end) = self.refused(&error) {
                        return Some(end);
                    }
                }
            }
        }
        if Instant::now() < self.handing_in.at {
            return None;
        }
        let answer = if self.unsent.front().is_some() {
            self.send()
        } else if over {
            self.close()
        } else {
            return None;
        };
        match answer {
            Ok(end) => {
                self.handing_in.went_well(Duration::ZERO);
                end
            }
            Err(error) => {
                self.handing_in.failed(self.agent, &error);
                self.refused(&error)
            }
        }
    }

    /// Until there is something to do, but never long.
    fn pause(&self, over: bool) -> Duration {
        let hands_in = over || !self.unsent.is_empty();
        let due = if hands_in { self.handing_in.at.min(self.telling.at) } else { self.telling.at };
        due.saturating_duration_since(Instant::now()).min(LOOK)
    }

    fn path(&self, call: &str) -> String {
        format!("/scanner/jobs/{}/{call}", self.job.id)
    }

    /// Sends the first part that is not accepted yet.
    fn send(&mut self) -> Result<Option<End>, CallError> {
        let Some(unsent) = self.unsent.front() else { return Ok(None) };
        let bytes = match unsent.spooled.read() {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Some(self.fail(&format!("the spool cannot be read: {error}")))),
        };
        let asked_at = Instant::now();
        let hash = Hash256::of(&bytes).to_string();
        let header = Some((PART_SHA256_HEADER, hash.as_str()));
        let answer: ResultsAnswer = self.agent.api.post_bytes(&self.path("results"), &bytes, header)?;
        self.job.leased(asked_at, answer.lease_seconds);
        self.job.obey(answer.directive);
        if let Some(sent) = self.unsent.pop_front() {
            tracing::debug!(job.id = %self.job.id, seq = sent.seq, to = sent.spooled.to, "part accepted");
            if let Err(error) = sent.spooled.remove() {
                tracing::warn!(job.id = %self.job.id, %error, "an accepted part stays in the spool");
            }
        }
        Ok(None)
    }

    fn progress(&self) -> Result<(), CallError> {
        let asked_at = Instant::now();
        let body = ProgressRequest {
            lease_attempt: self.job.lease_attempt,
            probed_index: self.job.probed_index(),
            result_count: self.job.found().max(self.tally.open),
        };
        let answer: ProgressAnswer = self.agent.api.post(&self.path("progress"), &body)?;
        self.job.leased(asked_at, answer.lease_seconds);
        self.job.exclude(&answer.added_exclusions);
        self.job.set_rate(self.spec, answer.max_probes_per_second);
        self.job.obey(answer.directive);
        Ok(())
    }

    /// Nothing is left to send: says so.
    fn close(&mut self) -> Result<Option<End>, CallError> {
        if self.spooled_to == self.space.count() {
            return self.complete(CompleteStatus::Completed, None).map(|()| Some(End::Done));
        }
        if let Some(order) = self.job.ordered() {
            return release(self.agent, self.job, order).map(|()| Some(End::Released));
        }
        let words = "the scan engine stopped; the scanner's log says why";
        self.complete(CompleteStatus::Failed, Some(words)).map(|()| Some(End::Failed))
    }

    fn complete(&self, status: CompleteStatus, message: Option<&str>) -> Result<(), CallError> {
        let body = CompleteRequest {
            lease_attempt: self.job.lease_attempt,
            status,
            result_count: self.tally.open,
            last_seq: i64::from(self.next_seq) - 1,
            probes_attempted: self.tally.attempted,
            result_hash: None,
            error_message: message.map(shortened),
        };
        let answer: CompleteAnswer = self.agent.api.post(&self.path("complete"), &body)?;
        tracing::info!(job.id = %self.job.id, final_status = answer.final_status.as_str(), "job complete");
        Ok(())
    }

    /// Something here or in the server's answer makes it senseless to go on.
    fn fail(&self, reason: &str) -> End {
        tracing::error!(job.id = %self.job.id, reason, "job failed");
        if let Err(error) = self.complete(CompleteStatus::Failed, Some(reason)) {
            tracing::warn!(job.id = %self.job.id, %error, "the failure could not be reported");
        }
        End::Failed
    }

    fn refused(&mut self, error: &CallError) -> Option<End> {
        tracing::warn!(job.id = %self.job.id, %error, "call refused");
        match (error.code(), error) {
            (Some(Code::LeaseLost | Code::VersionTooOld), _) => return Some(End::Lost),
            (Some(Code::JobEnded | Code::JobNotFound), _) => return Some(End::Gone),
            (Some(Code::SeqConflict | Code::PartsMissing), CallError::Refused(refusal)) => {
                return self.realign(&refusal.problem);
            }
            _ if error.action() == Action::Stop => return Some(self.fail(&error.to_string())),
            _ => self.agent.refused(error),
        }
        None
    }

    /// The server expects another part: goes on from where it is.
    fn realign(&mut self, problem: &Problem) -> Option<End> {
        let (Some(seq), Some(resume_index)) = (problem.next_seq, problem.resume_index) else { return None };
        while self.unsent.front().is_some_and(|unsent| unsent.spooled.to <= resume_index) {
            let accepted = self.unsent.pop_front()?;
            if let Err(error) = accepted.spooled.remove() {
                tracing::warn!(job.id = %self.job.id, %error, "an accepted part stays in the spool");
            }
        }
        let next = self.unsent.front().map_or(self.spooled_to, |unsent| unsent.spooled.from);
        if next != resume_index {
            self.unsent.clear();
            (self.next_seq, self.spooled_to, self.tally) = (seq, resume_index, Tally::default());
            return match self.agent.spool.clear(self.job.id) {
                Ok(()) => Some(End::Restart),
                Err(error) => Some(self.fail(&format!("the spool cannot be cleared: {error}"))),
            };
        }
        let tally = self.tally;
        self.next_seq = seq;
        for unsent in std::mem::take(&mut self.unsent) {
            let renumbered = unsent.spooled.read().and_then(|bytes| {
                let mut part = Part::from_bytes(&bytes)?;
                part.seq = self.next_seq;
                self.store(&part, Tally::default())
            });
            if let Err(error) = renumbered {
                return Some(self.fail(&format!("the spool cannot be rewritten: {error}")));
            }
        }
        self.tally = tally;
        None
    }

    /// Empties the inbox of a run that has ended, so that its engine can end too.
    pub fn drain(&mut self, inbox: &Receiver<Draft>, end: End) {
        while let Ok(draft) = inbox.recv() {
            if end == End::Lost
                && self.unsent.len() < 2 * UNSENT
                && let Err(error) = self.take(draft)
            {
                tracing::warn!(job.id = %self.job.id, %error, "verdicts are lost; they will be probed again");
            }
        }
    }

    /// Leaves the spool as the end demands.
    pub fn put_away(&self, end: End) {
        match end {
            End::Lost | End::Released => {}
            End::Done | End::Gone | End::Failed | End::Restart => self.agent.drop_parts(self.job.id),
        }
    }

    /// Says that a claimed job is not run.
    pub fn refuse(agent: &Agent, job: &Job, reason: &str) {
        let body = CompleteRequest {
            lease_attempt: job.lease_attempt,
            status: CompleteStatus::Failed,
            result_count: 0,
            last_seq: -1,
            probes_attempted: 0,
            result_hash: None,
            error_message: Some(shortened(reason)),
        };
        let mut backoff = Backoff::default();
        while job.control.may_probe(Instant::now()) && job.ordered().is_none() {
            let path = format!("/scanner/jobs/{}/complete", job.id);
            match agent.api.post::<CompleteAnswer>(&path, &body) {
                Err(error) if error.action() != Action::Stop => {
                    agent.sleep(backoff.pause(&*agent.entropy, error.retry_after()));
                }
                Err(error) => return tracing::warn!(job.id = %job.id, %error, "the refusal was refused"),
                Ok(_) => return,
            }
        }
    }

    /// Hands back a job that was not started.
    pub fn release(agent: &Agent, job: &Job) {
        let order = job.ordered().unwrap_or(Order::Shutdown);
        if order == Order::Abandon {
            return;
        }
        if let Err(error) = release(agent, job, order) {
            tracing::warn!(job.id = %job.id, %error, "release failed");
        }
    }
}

fn release(agent: &Agent, job: &Job, order: Order) -> Result<(), CallError> {
    let body = ReleaseRequest {
        lease_attempt: job.lease_attempt,
        probed_index: job.probed_index(),
        reason: order.reason().to_owned(),
    };
    agent.api.post::<IgnoredAny>(&format!("/scanner/jobs/{}/release", job.id), &body).map(|_| ())
}

/// A message as the server takes it: of a limited length, on one line.
fn shortened(text: &str) -> String {
    text.chars().take(MESSAGE).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
