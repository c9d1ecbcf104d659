//! How many connects may be under way at once: bounded by open files, local ports, memory, and rate × timeout.
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files left for everything that is not a probe: HTTP, spool, logs, epoll.
const RESERVED_FILES: u64 = 24;
/// More under way than this gains nothing on two cores.
const LARGEST: usize = 15_000;
/// Bytes that one connect under way may cost here, kernel and all.
const BYTES_EACH: u64 = 4_096;
/// The longest that a try can take, in seconds: rate × this many are under way at most.
const LONGEST_TRY: usize = 3;

/// The connects that this process may have under way, shared by its engines.
#[derive(Debug)]
pub struct Windows {
    total: usize,
    engines: AtomicUsize,
}

impl Windows {
    /// As many as this process may have, after raising its soft limit of open files to the hard one.
    pub fn of_this_process(max_memory: Option<u64>) -> Self {
        let files = raise_file_limit().saturating_sub(RESERVED_FILES).max(4);
        let ports = local_ports() * 4 / 5;
        let memory = max_memory.map_or(u64::MAX, |bytes| (bytes / 2 / BYTES_EACH).max(16));
        let total = files.min(ports).min(memory).min(LARGEST as u64);
        Self { total: usize::try_from(total).unwrap_or(LARGEST), engines: AtomicUsize::new(0) }
    }

    /// Exactly so many.
    pub const fn exactly(total: usize) -> Self {
        Self { total, engines: AtomicUsize::new(0) }
    }

    /// One more engine runs.
    pub(super) fn enter(&self) {
        self.engines.fetch_add(1, Ordering::Relaxed);
    }

    /// One engine less.
    pub(super) fn leave(&self) {
        self.engines.fetch_sub(1, Ordering::Relaxed);
    }

    /// The share of one engine that probes at `pps` (0 = unlimited).
    pub fn share(&self, pps: u32) -> usize {
        let share = (self.total / self.engines.load(Ordering::Relaxed).max(1)).max(1);
        if pps == 0 { share } else { share.min((pps as usize * LONGEST_TRY).max(8)) }
    }
}

/// Raises the soft limit of open files to the hard one; the answer is the limit in force.
fn raise_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    let maximum = limit.maximum.unwrap_or(1 << 20).min(1 << 20);
    if current < maximum
        && setrlimit(Resource::Nofile, Rlimit { current: Some(maximum), maximum: limit.maximum }).is_ok()
    {
        return maximum;
    }
    current
}

/// The number of ports that the kernel gives to outgoing connections.
fn local_ports() -> u64 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| {
            let mut bounds = text.split_whitespace().map(str::parse::<u64>);
            let (low, high) = (bounds.next()?.ok()?, bounds.next()?.ok()?);
            Some(high.saturating_sub(low) + 1)
        })
        .unwrap_or(28_232)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_shrinks_with_engines_and_rate() {
        let windows = Windows::exactly(1_000);
        assert_eq!(windows.share(0), 1_000);
        windows.enter();
        windows.enter();
        assert_eq!(windows.share(0), 500);
        assert_eq!(windows.share(10), 30);
        assert_eq!(windows.share(1), 8);
        windows.leave();
        assert_eq!(windows.share(0), 1_000);
    }
}
