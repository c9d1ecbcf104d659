//! Sets of inclusive ranges: the algebra under addresses, ports and indices.
//!
//! A set is kept as ascending ranges that neither overlap nor touch, so two equal sets are equal values.
use std::net::IpAddr;

/// A value with neighbours.
pub trait Step: Copy + Ord {
    /// The next value of the same kind, if there is one.
    fn after(self) -> Option<Self>;
    /// The value before, if there is one.
    fn before(self) -> Option<Self>;
}

macro_rules! step {
    ($($integer:ty),+) => {$(
        impl Step for $integer {
            fn after(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn before(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }
    )+};
}

step!(u16, u32, u64, u128);

impl Step for IpAddr {
    fn after(self) -> Option<Self> {
        match self {
            Self::V4(ip) => u32::from(ip).checked_add(1).map(|n| Self::V4(n.into())),
            Self::V6(ip) => u128::from(ip).checked_add(1).map(|n| Self::V6(n.into())),
        }
    }

    fn before(self) -> Option<Self> {
        match self {
            Self::V4(ip) => u32::from(ip).checked_sub(1).map(|n| Self::V4(n.into())),
            Self::V6(ip) => u128::from(ip).checked_sub(1).map(|n| Self::V6(n.into())),
        }
    }
}

/// A set of values, as ascending inclusive ranges that neither overlap nor touch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Intervals<T> {
    ranges: Vec<(T, T)>,
}

impl<T> Default for Intervals<T> {
    fn default() -> Self {
        Self { ranges: Vec::new() }
    }
}

impl<T: Step> Intervals<T> {
    /// The empty set.
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// The union of `ranges`. A range whose ends are the wrong way round holds nothing.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (T, T)>) -> Self {
        let mut sorted: Vec<(T, T)> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        sorted.sort_unstable();
        let mut merged: Vec<(T, T)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match merged.last_mut() {
                Some(open) if first <= open.1 || open.1.after() == Some(first) => open.1 = open.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Self { ranges: merged }
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[(T, T)] {
        &self.ranges
    }

    /// True when nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// True when `value` is in the set.
    pub fn contains(&self, value: T) -> bool {
        let upper = self.ranges.partition_point(|(first, _)| *first <= value);
        upper > 0 && value <= self.ranges[upper - 1].1
    }

    /// True when every value of `other` is in the set.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.subtract(self).is_empty()
    }

    /// True when the two have a value in common.
    pub fn intersects(&self, other: &Self) -> bool {
        !self.intersect(other).is_empty()
    }

    /// What is in either.
    pub fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.ranges.iter().chain(&other.ranges).copied())
    }

    /// What is in both.
    pub fn intersect(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        let mut ranges = Vec::new();
        while let (Some(&&(a, b)), Some(&&(c, d))) = (left.peek(), right.peek()) {
            let (first, last) = (a.max(c), b.min(d));
            if first <= last {
                ranges.push((first, last));
            }
            if b <= d {
                left.next();
            } else {
                right.next();
            }
        }
        Self { ranges }
    }

    /// What is in this set and not in `other`.
    pub fn subtract(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let mut holes = other.ranges.as_slice();
        for &(first, last) in &self.ranges {
            let mut start = Some(first);
            while let Some((&(hole_first, hole_last), rest)) = holes.split_first() {
                let Some(from) = start else { break };
                if hole_last < from {
                    holes = rest;
                    continue;
                }
                if hole_first > last {
                    break;
                }
                if hole_first > from
                    && let Some(end) = hole_first.before()
                {
                    ranges.push((from, end));
                }
                if hole_last >= last {
                    start = None;
                } else {
                    start = hole_last.after();
                    holes = rest;
                }
            }
            if let Some(from) = start
                && from <= last
            {
                ranges.push((from, last));
            }
        }
        Self { ranges }
    }
}

impl<T: Step> FromIterator<T> for Intervals<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::from_ranges(values.into_iter().map(|value| (value, value)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set() -> impl Strategy<Value = Vec<(u16, u16)>> {
        proptest::collection::vec((0_u16..60, 0_u16..12).prop_map(|(a, n)| (a, a + n)), 0..8)
    }

    fn naive(ranges: &[(u16, u16)]) -> BTreeSet<u16> {
        ranges.iter().flat_map(|&(a, b)| a..=b).collect()
    }

    fn of(values: &BTreeSet<u16>) -> Intervals<u16> {
        values.iter().copied().collect()
    }

    proptest! {
        #[test]
        fn the_algebra_is_that_of_sets(a in set(), b in set()) {
            let (left, right) = (naive(&a), naive(&b));
            let (x, y) = (Intervals::from_ranges(a), Intervals::from_ranges(b));
            prop_assert_eq!(&x, &of(&left));
            prop_assert_eq!(x.union(&y), of(&left.union(&right).copied().collect()));
            prop_assert_eq!(x.intersect(&y), of(&left.intersection(&right).copied().collect()));
            prop_assert_eq!(x.subtract(&y), of(&left.difference(&right).copied().collect()));
            for value in 0..80 {
                prop_assert_eq!(x.contains(value), left.contains(&value));
            }
        }
    }

    #[test]
    fn the_ends_of_the_kind_do_not_overflow() {
        let all = Intervals::from_ranges([(0_u16, u16::MAX)]);
        assert!(all.subtract(&all).is_empty());
        assert_eq!(all.subtract(&Intervals::from_ranges([(u16::MAX, u16::MAX)])).ranges(), &[(0, u16::MAX - 1)]);
        assert_eq!(all.subtract(&Intervals::from_ranges([(0, 0)])).ranges(), &[(1, u16::MAX)]);
    }
}
