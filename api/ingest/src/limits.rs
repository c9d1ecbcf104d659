//! How often one key, or one address without a good key, may call (S21). Counted in this process alone.
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use mipo_app::refusal::Refusal;
use mipo_domain::address::neighbourhood;
use mipo_protocol::problem::Code;

/// Buckets kept at most; beyond it, those that are full again are dropped.
const MAX_BUCKETS: usize = 10_000;

/// A bucket that fills with one minute's calls in one minute.
#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: DateTime<Utc>,
}

struct Meter<K> {
    per_minute: f64,
    buckets: Mutex<HashMap<K, Bucket>>,
}

impl<K: std::hash::Hash + Eq> Meter<K> {
    fn new(per_minute: u32) -> Self {
        Self { per_minute: f64::from(per_minute.max(1)), buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one call; how many seconds until the next is possible, when none is left.
    fn take(&self, key: K, now: DateTime<Utc>) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_BUCKETS {
            let full = self.per_minute - 1.0;
            buckets.retain(|_, bucket| self.filled(*bucket, now) < full);
        }
        let bucket = buckets.entry(key).or_insert(Bucket { left: self.per_minute, at: now });
        let left = self.filled(*bucket, now);
        if left < 1.0 {
            return Err((((1.0 - left) * 60.0 / self.per_minute).ceil() as u64).max(1));
        }
        *bucket = Bucket { left: left - 1.0, at: now };
        Ok(())
    }

    fn filled(&self, bucket: Bucket, now: DateTime<Utc>) -> f64 {
        let seconds = (now - bucket.at).num_milliseconds().max(0) as f64 / 1000.0;
        (bucket.left + seconds * self.per_minute / 60.0).min(self.per_minute)
    }

    fn knows(&self, key: &K) -> bool {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }
}

/// Both meters.
pub(crate) struct Limits {
    unauthenticated: Meter<IpAddr>,
    keys: Meter<String>,
}

fn refused(seconds: u64) -> Refusal {
    let mut refusal = Refusal::new(Code::RateLimited, format!("too many calls; try again in {seconds} s"));
    refusal.retry_after = Some(seconds);
    refusal
}

/// IPv6 callers count by their /64.
fn counted(source: IpAddr) -> IpAddr {
    if source.is_ipv4() { source } else { neighbourhood(source).network() }
}

impl Limits {
    pub(crate) fn new(unauthenticated: u32, key: u32) -> Self {
        Self { unauthenticated: Meter::new(unauthenticated), keys: Meter::new(key) }
    }

    /// A call without a key.
    pub(crate) fn without_key(&self, source: IpAddr, now: DateTime<Utc>) -> Result<(), Refusal> {
        self.unauthenticated.take(counted(source), now).map_err(refused)
    }

    /// A call with a key, before it is looked up. A key that was never good counts against its address, so that
    /// guessing is slow; one that was is not slowed down by its neighbours.
    pub(crate) fn with_key(&self, prefix: Option<&str>, source: IpAddr, now: DateTime<Utc>) -> Result<(), Refusal> {
        match prefix {
            Some(prefix) if self.keys.knows(&prefix.to_owned()) => {
                self.keys.take(prefix.to_owned(), now).map_err(refused)
            }
            _ => self.without_key(source, now),
        }
    }

    /// The key turned out to be good.
    pub(crate) fn good(&self, prefix: &str, now: DateTime<Utc>) {
        if !self.keys.knows(&prefix.to_owned()) {
            // The first call of a key is counted here, so that the meter knows it from now on.
            let _ = self.keys.take(prefix.to_owned(), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_its_calls_and_then_they_come_back() {
        let limits = Limits::new(3, 5);
        let (ip, now) = ("192.0.2.1".parse().expect("ip"), DateTime::from_timestamp(0, 0).expect("time"));
        for _ in 0..3 {
            assert!(limits.without_key(ip, now).is_ok());
        }
        let refusal = limits.without_key(ip, now).expect_err("refused");
        assert_eq!((refusal.code, refusal.retry_after), (Code::RateLimited, Some(20)));
        assert!(limits.without_key("192.0.2.2".parse().expect("ip"), now).is_ok());
        assert!(limits.without_key(ip, now + chrono::Duration::seconds(20)).is_ok());
    }

    #[test]
    fn a_good_key_has_its_own_measure() {
        let limits = Limits::new(1, 5);
        let (ip, now) = ("2001:db8::1".parse().expect("ip"), DateTime::from_timestamp(0, 0).expect("time"));
        assert!(limits.with_key(Some("mipo_sk_a"), ip, now).is_ok());
        limits.good("mipo_sk_a", now);
        assert!(limits.with_key(Some("mipo_sk_guess"), "2001:db8::2".parse().expect("ip"), now).is_err());
        for _ in 0..4 {
            assert!(limits.with_key(Some("mipo_sk_a"), ip, now).is_ok());
        }
        assert!(limits.with_key(Some("mipo_sk_a"), ip, now).is_err());
    }
}
