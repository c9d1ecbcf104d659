//! Things to be found: listeners that behave well, badly, or not at all.
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mipo_protocol::part::Verdict;
use mipo_protocol::spec::Votes;
use mipo_scanner::engine::epoll::{Engine, Settings};
use mipo_scanner::engine::window::Windows;
use mipo_scanner::engine::{Control, Ended, Outcome, Stats, Step, Target, Work};
use rustix::net::{AddressFamily, SocketFlags, SocketType};

/// A listener that never accepts and whose queue is full: the kernel drops every further SYN.
pub struct Silent {
    pub port: u16,
    _listener: rustix::fd::OwnedFd,
    _fill: Vec<rustix::fd::OwnedFd>,
}

impl Silent {
    /// On every address of this machine.
    pub fn everywhere() -> Self {
        let listener = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        rustix::net::bind(&listener, &SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let port = SocketAddr::try_from(rustix::net::getsockname(&listener).unwrap()).unwrap().port();
        let mut fill = Vec::new();
        for _ in 0..4 {
            let socket =
                rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::NONBLOCK, None).unwrap();
            let _ = rustix::net::connect(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
            fill.push(socket);
        }
        std::thread::sleep(Duration::from_millis(50));
        Self { port, _listener: listener, _fill: fill }
    }
}

/// A listener that accepts and closes at once, by reset when `reset`.
pub struct Closer {
    pub port: u16,
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicUsize>,
}

impl Closer {
    pub fn everywhere(reset: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = Arc::new(AtomicBool::new(false));
        let accepted = Arc::new(AtomicUsize::new(0));
        let (told, counter) = (Arc::clone(&stop), Arc::clone(&accepted));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counter.fetch_add(1, Ordering::Relaxed);
                if told.load(Ordering::Relaxed) {
                    return;
                }
                if let (Ok(stream), true) = (stream, reset) {
                    let _ = rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
                }
            }
        });
        Self { port, stop, accepted }
    }

    /// Connections so far.
    pub fn count(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

/// Ports on which something of this machine listens for `ip`, by the kernel's own tables.
pub fn listening(ip: IpAddr) -> BTreeSet<u16> {
    let mut ports = BTreeSet::new();
    for (file, six) in [("/proc/net/tcp", false), ("/proc/net/tcp6", true)] {
        for line in std::fs::read_to_string(file).unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (Some((address, port)), Some(&"0A")) = (fields[1].split_once(':'), fields.get(3)) else { continue };
            // A socket bound to :: takes IPv4 too, as most do.
            let any = address.chars().all(|digit| digit == '0');
            let exact = match ip {
                IpAddr::V4(ip) => !six && address == format!("{:08X}", u32::from_ne_bytes(ip.octets())),
                IpAddr::V6(ip) => six && ip.is_loopback() && address == "00000000000000000000000001000000",
            };
            if exact || (any && (six || ip.is_ipv4())) {
                ports.insert(u16::from_str_radix(port, 16).unwrap());
            }
        }
    }
    ports
}

/// Everything that a run found.
#[derive(Debug, Default)]
pub struct Found {
    pub verdicts: BTreeMap<(IpAddr, u16), Verdict>,
    pub doubled: usize,
    pub outcomes: Vec<Outcome>,
}

impl Found {
    pub fn with(&self, verdict: Verdict) -> BTreeSet<(IpAddr, u16)> {
        self.verdicts.iter().filter(|(_, found)| **found == verdict).map(|(target, _)| *target).collect()
    }
}

struct List {
    targets: Vec<(IpAddr, u16)>,
    next: usize,
    found: Found,
    stop_after: Option<(usize, Arc<Control>)>,
}

impl Work for List {
    fn next(&mut self) -> Step {
        let Some(&(ip, port)) = self.targets.get(self.next) else { return Step::Done };
        self.next += 1;
        Step::Probe(Target { index: self.next as u64 - 1, ip, port })
    }

    fn is_wanted(&self, _: &Target) -> bool {
        true
    }

    fn dropped(&mut self, _: Target) {}

    fn judged(&mut self, outcome: Outcome) {
        let before = self.found.verdicts.insert((outcome.target.ip, outcome.target.port), outcome.verdict);
        self.found.doubled += usize::from(before.is_some());
        self.found.outcomes.push(outcome);
        if let Some((count, control)) = &self.stop_after
            && self.found.outcomes.len() >= *count
        {
            control.stop();
        }
    }

    fn tick(&mut self, _: Instant) {}
}

/// How to probe.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    pub window: Option<usize>,
    pub pps: u32,
    pub per_host_pps: u32,
    pub votes: Option<Votes>,
    pub stop_after: Option<usize>,
}

/// Probes a list of targets.
pub fn probe(targets: Vec<(IpAddr, u16)>, how: How) -> (Found, Stats, Ended) {
    let control = Arc::new(Control::default());
    control.set_pps(how.pps);
    let windows = Arc::new(Windows::exactly(how.window.unwrap_or(1_000)));
    let settings = Settings { windows, per_host_pps: how.per_host_pps, shared: None, votes: how.votes };
    let mut engine = Engine::new(settings).unwrap();
    let stop_after = how.stop_after.map(|count| (count, Arc::clone(&control)));
    let mut list = List { targets, next: 0, found: Found::default(), stop_after };
    let ended = engine.run(&mut list, &control).unwrap();
    (list.found, engine.stats(), ended)
}

pub fn on(ip: &str, ports: impl IntoIterator<Item = u16>) -> Vec<(IpAddr, u16)> {
    let ip: IpAddr = ip.parse().unwrap();
    ports.into_iter().map(|port| (ip, port)).collect()
}

/// `count` listeners of an address, on ports that the kernel chooses.
pub fn open(ip: &str, count: usize) -> (Vec<TcpListener>, BTreeSet<u16>) {
    let ip: IpAddr = ip.parse().unwrap();
    let listeners: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind((ip, 0)).unwrap()).collect();
    let ports = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    (listeners, ports)
}
