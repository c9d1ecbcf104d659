//! The scan engine: turns a stream of targets into verdicts.
//!
//! - [`verdicts`] says what an answer means,
//! - [`pacing`] how fast to ask and how long to wait,
//! - [`window`] how much may be under way at once,
//! - [`epoll`] asks, by non-blocking TCP connects.
pub mod epoll;
pub mod pacing;
mod pending;
pub mod verdicts;
pub mod window;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mipo_protocol::part::Verdict;
use verdicts::Ballot;

/// One probe to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its position in the probing order.
    pub index: u64,
    /// Its address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
}

/// The end of one probe.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// What was probed.
    pub target: Target,
    /// What was found.
    pub verdict: Verdict,
    /// Connects made for it.
    pub tries: u8,
    /// The round trip of the answer, where there was one.
    pub rtt: Option<Duration>,
    /// The votes, in a confirm job.
    pub ballot: Option<Ballot>,
}

/// What [`Work::next`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Probe this.
    Probe(Target),
    /// The next index is excluded; it is counted already.
    Skipped,
    /// Nothing now: too much is waiting for a straggler.
    Blocked,
    /// Nothing any more.
    Done,
}

/// What the engine works on: a job of the server, or the scan of a command line.
pub trait Work {
    /// The next target in order.
    fn next(&mut self) -> Step;
    /// Whether a target that was given out earlier may still be probed.
    fn is_wanted(&self, target: &Target) -> bool;
    /// A target was dropped because it is not wanted any more.
    fn dropped(&mut self, target: Target);
    /// A target has its verdict.
    fn judged(&mut self, outcome: Outcome);
    /// Called in every turn of the loop, at least every 100 ms.
    fn tick(&mut self, now: Instant);
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every target has its verdict.
    Finished,
    /// It was told to stop; what was under way is given up and has no verdict.
    Stopped,
}

/// What others tell a running engine, and what it tells them.
#[derive(Debug)]
pub struct Control {
    stop: AtomicBool,
    pps: AtomicU32,
    born: Instant,
    /// Milliseconds after `born` until which probes may be sent.
    until: AtomicU64,
    late_ms: AtomicU64,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            stop: AtomicBool::new(false),
            pps: AtomicU32::new(0),
            born: Instant::now(),
            until: AtomicU64::new(u64::MAX),
            late_ms: AtomicU64::new(0),
        }
    }
}

impl Control {
    /// Ends the run soon.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the run was told to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Lets a new run begin.
    pub fn resume(&self) {
        self.stop.store(false, Ordering::Relaxed);
    }

    /// Sets the ceiling of the rate; 0 is unlimited.
    pub fn set_pps(&self, pps: u32) {
        self.pps.store(pps, Ordering::Relaxed);
    }

    /// The ceiling of the rate.
    pub fn pps(&self) -> u32 {
        self.pps.load(Ordering::Relaxed)
    }

    /// No probe is sent after this instant, until a later one is given.
    pub fn probe_until(&self, instant: Instant) {
        let millis = instant.saturating_duration_since(self.born).as_millis();
        self.until.store(u64::try_from(millis).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Whether probes may be sent at `now`.
    pub fn may_probe(&self, now: Instant) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        now.saturating_duration_since(self.born).as_millis() < u128::from(until)
    }

    /// Takes the longest delay of this machine since the last call, in milliseconds.
    pub fn take_late_ms(&self) -> u64 {
        self.late_ms.swap(0, Ordering::Relaxed)
    }

    fn was_late(&self, by: Duration) {
        self.late_ms.fetch_max(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// What a run counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Connects made.
    pub connects: u64,
    /// Connects repeated because of silence.
    pub retries: u64,
    /// Connects repeated because this machine lacked something.
    pub faults: u64,
    /// Times that this machine woke up too late.
    pub late_wakeups: u64,
    /// Sockets that had connected to themselves.
    pub self_connects: u64,
}
