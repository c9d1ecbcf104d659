//! How fast and how long: token buckets, and a timeout for each host from its own round trips.
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Bursts up to this length are let through, because the loop wakes only every few milliseconds.
const BURST: Duration = Duration::from_millis(20);
/// The timeout of a host that has not answered yet.
const FIRST_TIMEOUT: Duration = Duration::from_secs(1);
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3);
/// Hosts that are remembered at a time.
const HOSTS: usize = 65_536;
/// A host that was used this recently keeps its place.
const FRESH: Duration = Duration::from_secs(5);

/// A token bucket, kept as the time at which the next token falls due (GCRA).
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    due: Instant,
}

impl Bucket {
    /// A bucket that gives its first token at `now`.
    pub const fn new(now: Instant) -> Self {
        Self { due: now }
    }

    /// When the next token can be taken, at `pps` tokens a second; 0 is unlimited.
    pub fn ready_at(&self, now: Instant, pps: f64) -> Instant {
        if pps <= 0.0 {
            return now;
        }
        self.due.checked_sub(burst(pps)).unwrap_or(self.due).max(now)
    }

    /// Takes a token that may be due later than `now`, and says when.
    pub fn take(&mut self, now: Instant, pps: f64) -> Instant {
        if pps <= 0.0 {
            return now;
        }
        let at = self.ready_at(now, pps);
        self.due = self.due.max(now) + Duration::from_secs_f64(1.0 / pps);
        at
    }
}

/// Never more than one token ahead for slow buckets.
fn burst(pps: f64) -> Duration {
    if pps * BURST.as_secs_f64() < 1.0 { Duration::ZERO } else { BURST }
}

/// One bucket that several engines share: the local cap of this machine.
#[derive(Debug)]
pub struct SharedBucket {
    pps: f64,
    bucket: Mutex<Bucket>,
}

impl SharedBucket {
    /// A cap of `pps` probes a second over all jobs.
    pub fn new(pps: f64) -> Self {
        Self { pps, bucket: Mutex::new(Bucket::new(Instant::now())) }
    }

    /// Takes a token, or says when there will be one.
    pub fn try_take(&self, now: Instant) -> Result<(), Instant> {
        let mut bucket = self.bucket.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let at = bucket.ready_at(now, self.pps);
        if at > now {
            return Err(at);
        }
        bucket.take(now, self.pps);
        Ok(())
    }
}

/// What is known of one host's distance: RFC 6298's estimator.
#[derive(Clone, Copy, Debug)]
struct Host {
    bucket: Bucket,
    used: Instant,
    /// Smoothed round trip and its variance, once something was heard.
    rtt: Option<(Duration, Duration)>,
}

/// The hosts being probed, bounded.
#[derive(Debug, Default)]
pub struct Hosts {
    by_ip: HashMap<IpAddr, Host>,
}

impl Hosts {
    fn host(&mut self, ip: IpAddr, now: Instant) -> &mut Host {
        if self.by_ip.len() >= HOSTS && !self.by_ip.contains_key(&ip) {
            self.make_room(now);
        }
        let host = self.by_ip.entry(ip).or_insert_with(|| Host { bucket: Bucket::new(now), used: now, rtt: None });
        host.used = now;
        host
    }

    fn make_room(&mut self, now: Instant) {
        self.by_ip.retain(|_, host| now.saturating_duration_since(host.used) < FRESH);
        if self.by_ip.len() >= HOSTS {
            let mut keep = false;
            self.by_ip.retain(|_, _| {
                keep = !keep;
                keep
            });
        }
    }

    /// Takes a token of this host, which may be due later than `now`, and says when.
    pub fn take(&mut self, ip: IpAddr, now: Instant, pps: f64) -> Instant {
        self.host(ip, now).bucket.take(now, pps)
    }

    /// An answer came after `rtt`.
    pub fn heard(&mut self, ip: IpAddr, now: Instant, rtt: Duration) {
        let host = self.host(ip, now);
        host.rtt = Some(match host.rtt {
            None => (rtt, rtt / 2),
            Some((smooth, variance)) => ((smooth * 7 + rtt) / 8, (variance * 3 + smooth.abs_diff(rtt)) / 4),
        });
    }

    /// How long to wait for an answer of this host in its `tries`-th repetition (0 = first try). Repetitions wait
    /// longer, so that a short loss does not eat all of them.
    pub fn timeout(&self, ip: IpAddr, tries: u8) -> Duration {
        let base = self
            .by_ip
            .get(&ip)
            .and_then(|host| host.rtt)
            .map_or(FIRST_TIMEOUT, |(smooth, variance)| smooth + variance * 4)
            .clamp(SHORTEST_TIMEOUT, LONGEST_TIMEOUT);
        (base * (2 + u32::from(tries)) / 2).min(LONGEST_TIMEOUT)
    }

    /// Whether this host answers within the connect call, as those on this machine do.
    pub fn is_near(&self, ip: IpAddr) -> bool {
        ip.is_loopback()
            || self
                .by_ip
                .get(&ip)
                .and_then(|host| host.rtt)
                .is_some_and(|(smooth, _)| smooth < Duration::from_micros(100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_keeps_its_rate_over_time() {
        let start = Instant::now();
        for pps in [1.0, 7.0, 200.0, 5_000.0] {
            let mut bucket = Bucket::new(start);
            let mut last = start;
            for _ in 0..1_000 {
                let at = bucket.take(last, pps);
                assert!(at >= last);
                last = at;
            }
            let seconds = (last - start).as_secs_f64();
            assert!(seconds >= 999.0 / pps - BURST.as_secs_f64() - 1e-6, "{pps}: {seconds}");
            assert!(seconds <= 1_000.0 / pps, "{pps}: {seconds}");
        }
    }

    #[test]
    fn the_timeout_follows_the_round_trips_within_its_limits() {
        let now = Instant::now();
        let ip: IpAddr = "192.0.2.1".parse().expect("an address");
        let mut hosts = Hosts::default();
        assert_eq!(hosts.timeout(ip, 0), FIRST_TIMEOUT);
        for _ in 0..50 {
            hosts.heard(ip, now, Duration::from_millis(2));
        }
        assert_eq!(hosts.timeout(ip, 0), SHORTEST_TIMEOUT);
        assert_eq!(hosts.timeout(ip, 2), SHORTEST_TIMEOUT * 2);
        for _ in 0..50 {
            hosts.heard(ip, now, Duration::from_secs(20));
        }
        assert_eq!(hosts.timeout(ip, 0), LONGEST_TIMEOUT);
    }

    #[test]
    fn the_memory_of_hosts_is_bounded() {
        let now = Instant::now();
        let mut hosts = Hosts::default();
        for number in 0..(HOSTS as u32 * 2) {
            hosts.heard(std::net::Ipv4Addr::from(number).into(), now, Duration::from_millis(5));
        }
        assert!(hosts.by_ip.len() <= HOSTS);
    }
}
