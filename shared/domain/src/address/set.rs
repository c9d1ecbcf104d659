//! Sets of addresses.
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::IpRange;
use crate::intervals::Intervals;

/// A set of addresses of both families, as ascending disjoint ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IpSet(Intervals<IpAddr>);

impl IpSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self(Intervals::new())
    }

    /// The union of `ranges`.
    pub fn from_ranges(ranges: impl IntoIterator<Item = IpRange>) -> Self {
        Self(Intervals::from_ranges(ranges.into_iter().map(|range| (range.first, range.last))))
    }

    /// The ranges, ascending, IPv4 before IPv6.
    pub fn ranges(&self) -> impl DoubleEndedIterator<Item = IpRange> + ExactSizeIterator + '_ {
        self.0.ranges().iter().map(|&(first, last)| IpRange { first, last })
    }

    /// The networks that make up the set.
    pub fn networks(&self) -> Vec<IpNet> {
        self.ranges().flat_map(|range| range.networks()).collect()
    }

    /// How many addresses it holds, at most `u128::MAX`.
    pub fn count(&self) -> u128 {
        self.ranges().fold(0, |sum: u128, range| sum.saturating_add(range.count()))
    }

    /// True when it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when `ip` is in it.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(ip)
    }

    /// True when every address of `other` is in it.
    pub fn contains_all(&self, other: &Self) -> bool {
        self.0.contains_all(&other.0)
    }

    /// True when the two have an address in common.
    pub fn intersects(&self, other: &Self) -> bool {
        self.0.intersects(&other.0)
    }

    /// What is in either.
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0))
    }

    /// What is in both.
    pub fn intersect(&self, other: &Self) -> Self {
        Self(self.0.intersect(&other.0))
    }

    /// What is in this set and not in `other`.
    pub fn subtract(&self, other: &Self) -> Self {
        Self(self.0.subtract(&other.0))
    }

    /// The IPv4 part and the IPv6 part.
    pub fn by_family(&self) -> (Self, Self) {
        let (v4, v6): (Vec<IpRange>, Vec<IpRange>) = self.ranges().partition(IpRange::is_ipv4);
        (Self::from_ranges(v4), Self::from_ranges(v6))
    }

    /// The first `count` addresses, and the rest.
    pub fn split_at(&self, count: u128) -> (Self, Self) {
        let (mut head, mut tail, mut room) = (Vec::new(), Vec::new(), count);
        for range in self.ranges() {
            let take = room.min(range.count());
            room -= take;
            if let Some(last) = take.checked_sub(1).and_then(|n| range.nth(n)) {
                head.push((range.first, last));
            }
            if let Some(first) = range.nth(take) {
                tail.push((first, range.last));
            }
        }
        (Self(Intervals::from_ranges(head)), Self(Intervals::from_ranges(tail)))
    }

    /// Cuts the set into pieces of at most `limit` addresses each, in order, by range ends only.
    pub fn split(&self, limit: u128) -> Vec<Self> {
        let limit = limit.max(1);
        let (mut pieces, mut piece, mut room) = (Vec::new(), Vec::new(), limit);
        for range in self.ranges() {
            let mut start = 0;
            while start < range.count() {
                let take = room.min(range.count() - start);
                if let (Some(first), Some(last)) = (range.nth(start), range.nth(start + take - 1)) {
                    piece.push(IpRange { first, last });
                }
                start += take;
                room -= take;
                if room == 0 {
                    pieces.push(Self::from_ranges(std::mem::take(&mut piece)));
                    room = limit;
                }
            }
        }
        if !piece.is_empty() {
            pieces.push(Self::from_ranges(piece));
        }
        pieces
    }
}

impl FromIterator<IpRange> for IpSet {
    fn from_iter<I: IntoIterator<Item = IpRange>>(ranges: I) -> Self {
        Self::from_ranges(ranges)
    }
}

impl FromIterator<IpNet> for IpSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(nets: I) -> Self {
        nets.into_iter().map(IpRange::from).collect()
    }
}

impl fmt::Display for IpSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, range) in self.ranges().enumerate() {
            if n > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{range}")?;
        }
        Ok(())
    }
}
