//! How often one key, or one address without a good key, may call (S21). Counted in this process alone.
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use mipo_app::refusal::Refusal;
use mipo_domain::address::neighbourhood;
use mipo_domain::secrets::TokenHash;
use mipo_protocol::problem::Code;

/// Buckets of one age; two ages are kept, so a meter never holds more than twice as many.
const AGE_BUCKETS: usize = 5_000;

/// A bucket that fills with one minute's calls in one minute.
#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: DateTime<Utc>,
}

/// Buckets in two ages. What is asked for is young; when the young are many they become the old, and the old, which
/// nobody asked for meanwhile, go. So memory is bounded, and no call walks over all of them.
struct Buckets<K> {
    young: HashMap<K, Bucket>,
    old: HashMap<K, Bucket>,
}

impl<K: std::hash::Hash + Eq> Buckets<K> {
    fn get(&self, key: &K) -> Option<Bucket> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    fn put(&mut self, key: K, bucket: Bucket) {
        self.old.remove(&key);
        if self.young.len() >= AGE_BUCKETS && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, bucket);
    }
}

struct Meter<K> {
    per_minute: f64,
    buckets: Mutex<Buckets<K>>,
}

impl<K: std::hash::Hash + Eq> Meter<K> {
    fn new(per_minute: u32) -> Self {
        let buckets = Buckets { young: HashMap::new(), old: HashMap::new() };
        Self { per_minute: f64::from(per_minute.max(1)), buckets: Mutex::new(buckets) }
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets<K>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one call; how many seconds until the next is possible, when none is left.
    fn take(&self, key: K, now: DateTime<Utc>) -> Result<(), u64> {
        let mut buckets = self.buckets();
        let left = buckets.get(&key).map_or(self.per_minute, |bucket| self.filled(bucket, now));
        if left < 1.0 {
            // Kept among the young: who asks on and on must not get a new bucket by being forgotten.
            buckets.put(key, Bucket { left, at: now });
            return Err((((1.0 - left) * 60.0 / self.per_minute).ceil() as u64).max(1));
        }
        buckets.put(key, Bucket { left: left - 1.0, at: now });
        Ok(())
    }

    fn filled(&self, bucket: Bucket, now: DateTime<Utc>) -> f64 {
        let seconds = (now - bucket.at).num_milliseconds().max(0) as f64 / 1000.0;
        (bucket.left + seconds * self.per_minute / 60.0).min(self.per_minute)
    }

    fn knows(&self, key: &K) -> bool {
        self.buckets().get(key).is_some()
    }

    fn forget(&self, key: &K) {
        let mut buckets = self.buckets();
        buckets.young.remove(key);
        buckets.old.remove(key);
    }
}

/// Both meters.
pub(crate) struct Limits {
    unauthenticated: Meter<IpAddr>,
    /// By the hash of the whole key: its prefix is no secret, and who knows only that must not use up its calls.
    keys: Meter<[u8; 32]>,
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
    pub(crate) fn with_key(&self, key: Option<TokenHash>, source: IpAddr, now: DateTime<Utc>) -> Result<(), Refusal> {
        match key {
            Some(key) if self.keys.knows(key.as_bytes()) => self.keys.take(*key.as_bytes(), now).map_err(refused),
            _ => self.without_key(source, now),
        }
    }

    /// The key turned out to be good.
    pub(crate) fn good(&self, key: TokenHash, now: DateTime<Utc>) {
        if !self.keys.knows(key.as_bytes()) {
            // The first call of a key is counted here, so that the meter knows it from now on.
            let _ = self.keys.take(*key.as_bytes(), now);
        }
    }

    /// The key is good no more.
    pub(crate) fn forget(&self, key: TokenHash) {
        self.keys.forget(key.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use mipo_domain::secrets::Token;

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
        let (key, guess) = (Token::presented("mipo_sk_a_secret").hash(), Token::presented("mipo_sk_a_guess").hash());
        assert!(limits.with_key(Some(key), ip, now).is_ok());
        limits.good(key, now);
        // Whoever knows the prefix alone counts by the address, and takes nothing from the key.
        assert!(limits.with_key(Some(guess), "2001:db8::2".parse().expect("ip"), now).is_err());
        for _ in 0..4 {
            assert!(limits.with_key(Some(key), ip, now).is_ok());
        }
        assert!(limits.with_key(Some(key), ip, now).is_err());
        limits.forget(key);
        assert!(
            limits.with_key(Some(key), "2001:db8:0:1::1".parse().expect("ip"), now).is_ok(),
            "by the address again"
        );
    }

    #[test]
    fn however_many_call_the_buckets_are_bounded_and_the_busy_ones_stay() {
        let meter = Meter::new(2);
        let now = DateTime::from_timestamp(0, 0).expect("time");
        assert!(meter.take(u32::MAX, now).is_ok());
        for caller in 0..50_000_u32 {
            assert!(meter.take(caller, now).is_ok());
            if caller == 1 {
                assert!(meter.take(u32::MAX, now).is_ok());
            }
            if caller % 1_000 == 2 {
                assert!(meter.take(u32::MAX, now).is_err(), "it has used up its calls");
            }
        }
        let buckets = meter.buckets();
        assert!(buckets.young.len() + buckets.old.len() <= 2 * AGE_BUCKETS);
    }
}
