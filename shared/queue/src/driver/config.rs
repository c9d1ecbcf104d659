//! How a driver is set up.
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use mipo_domain::clock::Clock;
use mipo_domain::entropy::{Entropy, bytes};
use mipo_domain::sealing::Sealer;

/// Who the process is, and the timings, which only tests change.
#[derive(Clone, Debug)]
pub struct DriverConfig {
    pub(crate) worker_id: String,
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) host: String,
    pub(crate) version: String,
    pub(crate) lease: Duration,
    pub(crate) renew_every: Duration,
    pub(crate) rescue_every: Duration,
    pub(crate) poll_every: Duration,
    pub(crate) drain: Duration,
    pub(crate) listen: bool,
    pub(crate) by_hand: bool,
    pub(crate) slots: HashMap<String, usize>,
    pub(crate) sealer: Option<Keys>,
    pub(crate) seed: u64,
}

/// What opens sealed payloads. Its Debug output says no more than that.
#[derive(Clone)]
pub(crate) struct Keys(pub(crate) Sealer);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl DriverConfig {
    /// For the process `name` of `service`. Each start is a worker of its own, even under the same name: a ULID is
    /// minted here.
    pub fn new(service: &str, name: &str, version: &str, clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
        let millis = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
        Self {
            worker_id: format!("{name}-{}", ulid(millis, bytes(entropy))),
            name: name.to_owned(),
            service: service.to_owned(),
            host: std::fs::read_to_string("/proc/sys/kernel/hostname")
                .map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned()),
            version: version.to_owned(),
            lease: Duration::from_secs(25),
            renew_every: Duration::from_secs(10),
            rescue_every: Duration::from_secs(3),
            poll_every: Duration::from_secs(5),
            drain: Duration::from_secs(30),
            listen: true,
            by_hand: false,
            slots: HashMap::new(),
            sealer: None,
            seed: u64::from_le_bytes(bytes(entropy)),
        }
    }

    /// The lease, how often it is renewed, and how often expired ones are looked for.
    pub const fn leases(mut self, lease: Duration, renew_every: Duration, rescue_every: Duration) -> Self {
        self.lease = lease;
        self.renew_every = renew_every;
        self.rescue_every = rescue_every;
        self
    }

    /// The longest time between two looks at a queue that nothing was heard of.
    pub const fn poll_every(mut self, interval: Duration) -> Self {
        self.poll_every = interval;
        self
    }

    /// How long running handlers may take after the shutdown has begun.
    pub const fn drain(mut self, time: Duration) -> Self {
        self.drain = time;
        self
    }

    /// Never listens: work is found by polling alone.
    pub const fn poll_only(mut self) -> Self {
        self.listen = false;
        self
    }

    /// Claims only while [`super::Driver::run_until_idle`] runs, and remembers failures for it. For tests, which
    /// prepare tasks that nobody may take before they are ready.
    pub const fn by_hand(mut self) -> Self {
        self.by_hand = true;
        self
    }

    /// Slots of this process in `queue`, instead of those in `jobs.queues`.
    pub fn slots(mut self, queue: &str, slots: usize) -> Self {
        self.slots.insert(queue.to_owned(), slots);
        self
    }

    /// What opens the payloads of kinds that are sealed; without it such tasks end dead here.
    pub fn sealer(mut self, sealer: Sealer) -> Self {
        self.sealer = Some(Keys(sealer));
        self
    }

    /// The worker id that the process goes by.
    pub fn worker_id(&self) -> &str {
        &self.worker_id
    }
}

/// A ULID: 48 bits of milliseconds and 80 of chance in Crockford's base 32.
fn ulid(millis: u64, chance: [u8; 10]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let random = chance.iter().fold(0_u128, |value, byte| (value << 8) | u128::from(*byte));
    let value = (u128::from(millis & 0xffff_ffff_ffff) << 80) | random;
    (0..26).rev().map(|digit| char::from(DIGITS[usize::try_from((value >> (5 * digit)) & 31).unwrap_or(0)])).collect()
}

/// Chance that is good enough to keep processes out of step (SplitMix64), seeded by the process's own.
#[derive(Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// `duration` ± 20 %.
    pub(crate) fn around(&mut self, duration: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        duration.mul_f64(0.8 + 0.4 * ((z >> 11) as f64 / (1_u64 << 53) as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ulids_sort_by_time_and_use_their_own_alphabet() {
        assert_eq!(ulid(0, [0; 10]), "00000000000000000000000000");
        assert_eq!(ulid(0xffff_ffff_ffff, [255; 10]), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert_eq!(ulid(1_469_918_176_385, [0; 10]), "01ARYZ6S410000000000000000");
        assert!(ulid(5, [255; 10]) < ulid(6, [0; 10]));
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        let mut jitter = Jitter::new(7);
        let mut seen = Vec::new();
        for _ in 0..1000 {
            let wait = jitter.around(Duration::from_secs(10));
            assert!(wait >= Duration::from_secs(8) && wait <= Duration::from_secs(12), "{wait:?}");
            seen.push(wait);
        }
        seen.sort();
        seen.dedup();
        assert!(seen.len() > 900);
    }
}
