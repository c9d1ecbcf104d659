//! The engine that asks by non-blocking TCP connects and hears by epoll.
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mipo_protocol::part::Verdict;
use mipo_protocol::spec::Votes;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, ipproto, sockopt};
use rustix::time::Timespec;

use super::pacing::{Bucket, Hosts, SharedBucket};
use super::pending::Pending;
use super::verdicts::{Meaning, at_once, later};
use super::window::Windows;
use super::{Control, Ended, Outcome, Stats, Step, Work};

/// Repetitions after silence.
const RETRIES: u8 = 2;
/// Repetitions after a fault of this machine.
const FAULTS: u8 = 12;
/// Repetitions when there is no way to the target.
const NO_WAYS: u8 = 2;
/// A wake-up later than this makes what seems silent doubtful.
const LATE: Duration = Duration::from_millis(250);
/// Steps in one turn of the loop.
const TURN: usize = 256;
/// Targets that may wait for their host's turn; more are not drawn.
const WAITING: usize = 512;
/// The longest sleep.
const NAP: Duration = Duration::from_millis(100);

/// How an engine runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Shared bound on what is under way.
    pub windows: Arc<Windows>,
    /// Probes a second and host; 0 is unlimited.
    pub per_host_pps: u32,
    /// The local cap over all jobs.
    pub shared: Option<Arc<SharedBucket>>,
    /// The votes of a confirm job.
    pub votes: Option<Votes>,
}

/// A connect under way.
#[derive(Debug)]
struct Flight {
    socket: OwnedFd,
    pending: Pending,
    started: Instant,
    deadline: Instant,
}

/// A place for a flight. The generation tells an event of its present flight from one of an earlier one.
#[derive(Debug, Default)]
struct Place {
    generation: u32,
    flight: Option<Flight>,
}

/// What keeps the loop from starting more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// Nothing: go on at once.
    Now,
    /// This instant.
    At(Instant),
    /// An answer or a timeout.
    Heard,
}

/// The engine.
pub struct Engine {
    settings: Settings,
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    places: Vec<Place>,
    free: Vec<u32>,
    under_way: usize,
    /// What is under way at most, after this machine ran short of something.
    narrowed: usize,
    settled_since_narrowed: usize,
    timers: BinaryHeap<Reverse<(Instant, u32, u32)>>,
    waiting: BinaryHeap<Reverse<Pending>>,
    hosts: Hosts,
    bucket: Bucket,
    drained: bool,
    stats: Stats,
}

impl Engine {
    /// A new engine; fails when this machine has no file left for its epoll.
    pub fn new(settings: Settings) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        settings.windows.enter();
        Ok(Self {
            settings,
            epoll,
            events: Vec::with_capacity(1_024),
            places: Vec::new(),
            free: Vec::new(),
            under_way: 0,
            narrowed: usize::MAX,
            settled_since_narrowed: 0,
            timers: BinaryHeap::new(),
            waiting: BinaryHeap::new(),
            hosts: Hosts::default(),
            bucket: Bucket::new(Instant::now()),
            drained: false,
            stats: Stats::default(),
        })
    }

    /// What was counted.
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// Probes all of `work`, until it is done or `control` says stop.
    pub fn run(&mut self, work: &mut dyn Work, control: &Control) -> io::Result<Ended> {
        let mut woke = Instant::now();
        loop {
            let turn = Instant::now();
            if control.is_stopped() {
                work.tick(turn);
                return Ok(Ended::Stopped);
            }
            let until = if control.may_probe(turn) { self.launch(work, control, turn) } else { Until::At(turn + NAP) };
            if self.drained && self.under_way == 0 && self.waiting.is_empty() {
                work.tick(Instant::now());
                return Ok(Ended::Finished);
            }
            let before = Instant::now();
            let nap = self.nap(until, before);
            let mut late_by = before.duration_since(woke);
            self.wait(nap)?;
            woke = Instant::now();
            late_by = late_by.max(woke.duration_since(before).saturating_sub(nap));
            let late = late_by > LATE;
            if late {
                self.stats.late_wakeups += 1;
                control.was_late(late_by);
            }
            self.hear(work, woke, late)?;
            self.expire(work, woke, late);
            work.tick(woke);
        }
    }

    /// Starts as many connects as rate and window allow.
    fn launch(&mut self, work: &mut dyn Work, control: &Control, turn: Instant) -> Until {
        let pps = control.pps();
        let window = self.settings.windows.share(pps).min(self.narrowed).max(1);
        let mut now = turn;
        for _ in 0..TURN {
            if self.under_way >= window {
                return Until::Heard;
            }
            let ready = self.bucket.ready_at(now, f64::from(pps));
            if ready > now {
                return Until::At(ready);
            }
            let mut pending = match self.draw(work, now) {
                Ok(Some(pending)) => pending,
                Ok(None) => continue,
                Err(until) => return until,
            };
            if !work.is_wanted(&pending.target) {
                work.dropped(pending.target);
                continue;
            }
            if !pending.paced {
                pending.paced = true;
                let pps = f64::from(self.settings.per_host_pps);
                pending.at = self.hosts.take(pending.target.ip, now, pps);
                if pending.at > now {
                    self.waiting.push(Reverse(pending));
                    continue;
                }
            }
            if let Some(at) = self.settings.shared.as_ref().and_then(|shared| shared.try_take(now).err()) {
                pending.at = at;
                self.waiting.push(Reverse(pending));
                return Until::At(at);
            }
            self.bucket.take(now, f64::from(pps));
            self.connect(pending, work);
            now = Instant::now();
        }
        Until::Now
    }

    /// The next target to start: one whose time has come, else a new one. `Ok(None)`: an index was skipped.
    fn draw(&mut self, work: &mut dyn Work, now: Instant) -> Result<Option<Pending>, Until> {
        let due = self.waiting.peek().map(|Reverse(first)| first.at);
        if due.is_some_and(|at| at <= now) {
            return Ok(self.waiting.pop().map(|Reverse(pending)| pending));
        }
        let idle = due.map_or(Until::Heard, Until::At);
        if self.drained || self.waiting.len() >= WAITING {
            return Err(idle);
        }
        match work.next() {
            Step::Probe(target) => Ok(Some(Pending::new(target, now))),
            Step::Skipped => Ok(None),
            Step::Blocked => Err(idle),
            Step::Done => {
                self.drained = true;
                Err(idle)
            }
        }
    }

    fn connect(&mut self, pending: Pending, work: &mut dyn Work) {
        let address = SocketAddr::new(pending.target.ip, pending.target.port);
        let family = match pending.target.ip {
            IpAddr::V4(_) => AddressFamily::INET,
            IpAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = match net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP)) {
            Ok(socket) => socket,
            Err(errno) => return self.meant(at_once(errno), pending, None, work),
        };
        self.stats.connects += 1;
        let started = Instant::now();
        match net::connect(&socket, &address) {
            Ok(()) => return self.connected(&socket, pending, Some(started.elapsed()), work),
            Err(Errno::INPROGRESS) => {}
            Err(errno) => {
                drop(socket);
                return self.meant(at_once(errno), pending, Some(started.elapsed()), work);
            }
        }
        if self.hosts.is_near(pending.target.ip) {
            // On this machine the answer is there when the call returns: asking for it saves epoll's two calls.
            match sockopt::socket_error(&socket) {
                Ok(Err(errno)) => {
                    drop(socket);
                    return self.meant(later(errno), pending, Some(started.elapsed()), work);
                }
                Ok(Ok(())) if matches!(net::getpeername(&socket), Ok(Some(_))) => {
                    return self.connected(&socket, pending, Some(started.elapsed()), work);
                }
                _ => {}
            }
        }
        self.take_off(Flight { socket, pending, started, deadline: started }, work);
    }

    /// Files a connect in progress.
    fn take_off(&mut self, mut flight: Flight, work: &mut dyn Work) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            self.places.len() as u32 - 1
        });
        let place = &mut self.places[slot as usize];
        let data = epoll::EventData::new_u64(u64::from(place.generation) << 32 | u64::from(slot));
        let interest = epoll::EventFlags::OUT | epoll::EventFlags::ONESHOT;
        if let Err(errno) = epoll::add(&self.epoll, &flight.socket, data, interest) {
            self.free.push(slot);
            let pending = flight.pending;
            drop(flight);
            return self.meant(at_once(errno), pending, None, work);
        }
        flight.deadline = flight.started + self.hosts.timeout(flight.pending.target.ip, flight.pending.tries);
        self.timers.push(Reverse((flight.deadline, slot, place.generation)));
        place.flight = Some(flight);
        self.under_way += 1;
        if self.timers.len() > 4 * self.under_way + 4_096 {
            let places = &self.places;
            self.timers.retain(|Reverse((_, slot, generation))| {
                let place = &places[*slot as usize];
                place.generation == *generation && place.flight.is_some()
            });
        }
    }

    /// Takes a flight out of its place, if it is still the one that is meant.
    fn land(&mut self, slot: u32, generation: u32) -> Option<Flight> {
        let place = self.places.get_mut(slot as usize)?;
        if place.generation != generation {
            return None;
        }
        let flight = place.flight.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(slot);
        self.under_way -= 1;
        Some(flight)
    }

    fn nap(&self, until: Until, now: Instant) -> Duration {
        let mut wake = match until {
            Until::Now => return Duration::ZERO,
            Until::At(at) => at.min(now + NAP),
            Until::Heard => now + NAP,
        };
        if let Some(Reverse((deadline, ..))) = self.timers.peek() {
            wake = wake.min(*deadline);
        }
        wake.saturating_duration_since(now)
    }

    fn wait(&mut self, nap: Duration) -> io::Result<()> {
        let timeout = Timespec {
            tv_sec: i64::try_from(nap.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(nap.subsec_nanos()),
        };
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Judges every connect that has an answer.
    fn hear(&mut self, work: &mut dyn Work, now: Instant, late: bool) -> io::Result<()> {
        loop {
            let events = std::mem::take(&mut self.events);
            for event in &events {
                let data = event.data.u64();
                let Some(flight) = self.land(data as u32, (data >> 32) as u32) else { continue };
                // A round trip that was read late says nothing about the distance.
                let rtt = (!late).then(|| now.saturating_duration_since(flight.started));
                match sockopt::socket_error(&flight.socket) {
                    Ok(Ok(())) => self.connected(&flight.socket, flight.pending, rtt, work),
                    Ok(Err(errno)) | Err(errno) => self.meant(later(errno), flight.pending, rtt, work),
                }
            }
            let full = events.len() == events.capacity();
            self.events = events;
            if !full {
                return Ok(());
            }
            self.wait(Duration::ZERO)?;
        }
    }

    /// Judges every connect whose time is over.
    fn expire(&mut self, work: &mut dyn Work, now: Instant, late: bool) {
        while let Some(Reverse((deadline, slot, generation))) = self.timers.peek().copied() {
            if deadline > now {
                return;
            }
            self.timers.pop();
            let Some(flight) = self.land(slot, generation) else { continue };
            let meaning = if late { Meaning::Doubt } else { Meaning::Silence };
            let pending = flight.pending;
            drop(flight);
            self.meant(meaning, pending, None, work);
        }
    }

    /// The handshake succeeded, unless the socket has met itself.
    fn connected(&mut self, socket: &OwnedFd, pending: Pending, rtt: Option<Duration>, work: &mut dyn Work) {
        // A reset instead of the four-way goodbye leaves nothing behind here; where it fails, closing still works.
        let _ = sockopt::set_socket_linger(socket, Some(Duration::ZERO));
        let ends = (net::getsockname(socket), net::getpeername(socket));
        let meaning = match ends {
            (Ok(local), Ok(Some(remote))) if local == remote => {
                self.stats.self_connects += 1;
                Meaning::Doubt
            }
            (Ok(_), Ok(Some(_))) => Meaning::Settled(Verdict::Open),
            // Connected, and reset before it could be asked.
            _ => Meaning::Doubt,
        };
        self.meant(meaning, pending, rtt, work);
    }

    fn meant(&mut self, meaning: Meaning, mut pending: Pending, rtt: Option<Duration>, work: &mut dyn Work) {
        let now = Instant::now();
        pending.paced = false;
        match meaning {
            Meaning::Settled(verdict) => {
                pending.tries = pending.tries.saturating_add(1);
                if let (Some(rtt), Verdict::Open | Verdict::Closed) = (rtt, verdict) {
                    self.hosts.heard(pending.target.ip, now, rtt);
                }
                self.settle(verdict, pending, rtt, work);
            }
            Meaning::Silence => {
                pending.tries += 1;
                if pending.tries > RETRIES {
                    return self.settle(Verdict::Filtered, pending, None, work);
                }
                self.stats.retries += 1;
                pending.at = now;
                self.waiting.push(Reverse(pending));
            }
            Meaning::Lack => {
                self.narrowed = self.narrowed.min(self.under_way.max(1));
                self.settled_since_narrowed = 0;
                self.repeat(pending, FAULTS, now, work);
            }
            Meaning::Doubt => self.repeat(pending, FAULTS, now, work),
            Meaning::NoWay => self.repeat(pending, NO_WAYS, now, work),
        }
    }

    /// Tries a target again after a fault of this machine.
    fn repeat(&mut self, mut pending: Pending, limit: u8, now: Instant, work: &mut dyn Work) {
        self.stats.faults += 1;
        if pending.faults >= limit {
            pending.tries = pending.tries.saturating_add(1);
            return self.settle(Verdict::Error, pending, None, work);
        }
        pending.at = now + Duration::from_millis(10 << pending.faults.min(6));
        pending.faults += 1;
        self.waiting.push(Reverse(pending));
    }

    fn settle(&mut self, verdict: Verdict, mut pending: Pending, rtt: Option<Duration>, work: &mut dyn Work) {
        self.settled_since_narrowed += 1;
        if self.narrowed != usize::MAX && self.settled_since_narrowed >= 8 {
            self.settled_since_narrowed = 0;
            self.narrowed += 1;
        }
        let mut outcome = Outcome { target: pending.target, verdict, tries: pending.tries, rtt, ballot: None };
        if let Some(rule) = self.settings.votes {
            let Some(verdict) = pending.ballot.cast(verdict, rule) else {
                pending.at = Instant::now() + Duration::from_millis(rule.spacing_ms);
                (pending.tries, pending.faults) = (0, 0);
                self.waiting.push(Reverse(pending));
                return;
            };
            outcome.verdict = verdict;
            outcome.ballot = Some(pending.ballot);
        }
        work.judged(outcome);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.settings.windows.leave();
    }
}
