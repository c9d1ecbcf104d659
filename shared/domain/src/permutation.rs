//! The order in which a job is probed, product 7.4: a keyed permutation of 0…N−1 with its inverse.
//!
//! A balanced Feistel network over 2w bits with four rounds of SipHash-2-4, walked until the value lies below N.
//! Nothing is kept in memory but the seed and N.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use siphasher::sip::SipHasher24;

const ROUNDS: u8 = 4;

/// The seed of a scan: 16 bytes, written as 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seed(pub [u8; 16]);

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The text is not a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a seed is written as 32 lower-case hex digits")]
pub struct NotASeed;

impl FromStr for Seed {
    type Err = NotASeed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        crate::hash::lower_hex(text).map(Self).ok_or(NotASeed)
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A permutation P of 0…N−1 and its inverse.
#[derive(Clone, Copy, Debug)]
pub struct Permutation {
    hasher: SipHasher24,
    count: u64,
    width: u32,
    mask: u64,
}

impl Permutation {
    /// The permutation of 0…`count`−1 that `seed` means.
    pub fn new(seed: Seed, count: u64) -> Self {
        let bits = u64::BITS - count.saturating_sub(1).leading_zeros();
        let width = bits.div_ceil(2).max(1);
        Self { hasher: SipHasher24::new_with_key(&seed.0), count, width, mask: u64::MAX >> (u64::BITS - width) }
    }

    /// How many values are permuted.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// P(`index`): the linear number that is probed at `index`. `None` outside 0…N−1.
    pub fn forward(&self, index: u64) -> Option<u64> {
        self.walk(index, Self::encrypt)
    }

    /// The index at which the linear number is probed. `None` outside 0…N−1.
    pub fn inverse(&self, linear: u64) -> Option<u64> {
        self.walk(linear, Self::decrypt)
    }

    fn walk(&self, value: u64, step: impl Fn(&Self, u64) -> u64) -> Option<u64> {
        if value >= self.count {
            return None;
        }
        if self.count == 1 {
            return Some(value);
        }
        let mut value = step(self, value);
        while value >= self.count {
            value = step(self, value);
        }
        Some(value)
    }

    fn encrypt(&self, value: u64) -> u64 {
        let (mut left, mut right) = (value >> self.width, value & self.mask);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.round(round, right));
        }
        (left << self.width) | right
    }

    fn decrypt(&self, value: u64) -> u64 {
        let (mut left, mut right) = (value >> self.width, value & self.mask);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.round(round, left), left);
        }
        (left << self.width) | right
    }

    fn round(&self, round: u8, half: u64) -> u64 {
        let mut input = [0; 9];
        input[0] = round;
        input[1..].copy_from_slice(&half.to_le_bytes());
        self.hasher.hash(&input) & self.mask
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_a_permutation(seed in any::<[u8; 16]>(), count in 1_u64..700) {
            let p = Permutation::new(Seed(seed), count);
            let mut seen = vec![false; count as usize];
            for index in 0..count {
                let linear = p.forward(index).expect("inside");
                prop_assert!(!std::mem::replace(&mut seen[linear as usize], true));
                prop_assert_eq!(p.inverse(linear), Some(index));
            }
            prop_assert_eq!(p.forward(count), None);
            prop_assert_eq!(p.inverse(count), None);
        }

        #[test]
        fn large_counts_are_inverted(seed in any::<[u8; 16]>(), count in 1_u64..=1 << 62, index in any::<u64>()) {
            let p = Permutation::new(Seed(seed), count);
            let index = index % count;
            let linear = p.forward(index).expect("inside");
            prop_assert!(linear < count);
            prop_assert_eq!(p.inverse(linear), Some(index));
        }
    }

    #[test]
    fn one_value_is_the_identity_and_none_is_nothing() {
        assert_eq!(Permutation::new(Seed([7; 16]), 1).forward(0), Some(0));
        assert_eq!(Permutation::new(Seed([7; 16]), 0).forward(0), None);
    }

    #[test]
    fn a_seed_is_lower_case_hex() {
        let seed: Seed = "000102030405060708090a0b0c0d0e0f".parse().expect("good");
        assert_eq!(seed.to_string(), "000102030405060708090a0b0c0d0e0f");
        assert!("000102030405060708090A0B0C0D0E0F".parse::<Seed>().is_err());
        assert!("00".parse::<Seed>().is_err());
    }
}
