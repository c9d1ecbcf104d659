//! Addresses, networks, ranges, and sets of them.
mod set;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use set::IpSet;

/// Why a text is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither an address nor a network nor a range.
    #[error("`{0}` is not an address; write 192.0.2.1, 192.0.2.0/24, 192.0.2.1-192.0.2.9, or the same in IPv6")]
    NotAnAddress(String),
    /// The part behind the slash is not a number of bits.
    #[error("`{text}` has no valid mask; it must be a number from 0 to {max}")]
    BadMask {
        /// What was given.
        text: String,
        /// 32 or 128.
        max: u8,
    },
    /// Host bits are set in a network.
    #[error("`{given}` has host bits set; the network is {network}")]
    HostBitsSet {
        /// What was given.
        given: String,
        /// What was probably meant.
        network: IpNet,
    },
    /// The ends of a range are the wrong way round.
    #[error("`{0}` ends before it starts; write the lower address first")]
    Reversed(String),
    /// The ends of a range are of two families.
    #[error("`{0}` mixes IPv4 and IPv6; both ends must be of one family")]
    MixedFamilies(String),
    /// An IPv4 address written as IPv6.
    #[error("`{given}` is an IPv4 address in IPv6 form; write {plain}")]
    Mapped {
        /// What was given.
        given: String,
        /// The same in IPv4.
        plain: Ipv4Addr,
    },
}

impl AddressError {
    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAnAddress(_) => "not_an_address",
            Self::BadMask { .. } => "bad_mask",
            Self::HostBitsSet { .. } => "host_bits_set",
            Self::Reversed(_) => "reversed_range",
            Self::MixedFamilies(_) => "mixed_families",
            Self::Mapped { .. } => "mapped_address",
        }
    }
}

/// Reads one address.
pub fn parse_ip(text: &str) -> Result<IpAddr, AddressError> {
    let text = text.trim();
    let ip = IpAddr::from_str(text).map_err(|_| AddressError::NotAnAddress(text.to_owned()))?;
    match ip {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(plain) => Err(AddressError::Mapped { given: text.to_owned(), plain }),
            None => Ok(ip),
        },
        IpAddr::V4(_) => Ok(ip),
    }
}

/// Reads a network; host bits must be zero. A lone address is the network of itself.
pub fn parse_cidr(text: &str) -> Result<IpNet, AddressError> {
    let text = text.trim();
    let Some((address, mask)) = text.split_once('/') else {
        return Ok(IpNet::from(parse_ip(text)?));
    };
    let ip = parse_ip(address)?;
    let max = if ip.is_ipv4() { 32 } else { 128 };
    let digits =
        !mask.is_empty() && mask.bytes().all(|b| b.is_ascii_digit()) && (mask == "0" || !mask.starts_with('0'));
    let bits = mask.parse::<u8>().ok().filter(|bits| digits && *bits <= max);
    let Some(net) = bits.and_then(|bits| IpNet::new(ip, bits).ok()) else {
        return Err(AddressError::BadMask { text: text.to_owned(), max });
    };
    if net.network() == ip {
        Ok(net)
    } else {
        Err(AddressError::HostBitsSet { given: text.to_owned(), network: net.trunc() })
    }
}

/// An inclusive range of addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpRange {
    first: IpAddr,
    last: IpAddr,
}

impl IpRange {
    /// The range from `first` to `last`, both included.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, AddressError> {
        if first.is_ipv4() != last.is_ipv4() {
            return Err(AddressError::MixedFamilies(format!("{first}-{last}")));
        }
        if last < first {
            return Err(AddressError::Reversed(format!("{first}-{last}")));
        }
        Ok(Self { first, last })
    }

    /// One address.
    pub const fn single(ip: IpAddr) -> Self {
        Self { first: ip, last: ip }
    }

    /// Reads an address, a network, or a range `first-last` (in IPv4 also `192.0.2.1-9`).
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if let Some((from, to)) = text.split_once('-') {
            let first = parse_ip(from)?;
            let last = match (first, to.trim().parse::<u8>()) {
                (IpAddr::V4(v4), Ok(octet)) => {
                    let [a, b, c, _] = v4.octets();
                    IpAddr::V4(Ipv4Addr::new(a, b, c, octet))
                }
                _ => parse_ip(to)?,
            };
            return Self::new(first, last).map_err(|error| match error {
                AddressError::Reversed(_) => AddressError::Reversed(text.to_owned()),
                AddressError::MixedFamilies(_) => AddressError::MixedFamilies(text.to_owned()),
                other => other,
            });
        }
        parse_cidr(text).map(Self::from)
    }

    /// The lowest address.
    pub const fn first(&self) -> IpAddr {
        self.first
    }

    /// The highest address.
    pub const fn last(&self) -> IpAddr {
        self.last
    }

    /// True for IPv4.
    pub const fn is_ipv4(&self) -> bool {
        self.first.is_ipv4()
    }

    /// How many addresses it holds; the whole of IPv6 counts one less than it has.
    pub fn count(&self) -> u128 {
        (number(self.last) - number(self.first)).saturating_add(1)
    }

    /// True when `ip` lies in it.
    pub fn contains(&self, ip: IpAddr) -> bool {
        ip.is_ipv4() == self.is_ipv4() && self.first <= ip && ip <= self.last
    }

    /// The address at `ordinal`, counted from the first.
    pub fn nth(&self, ordinal: u128) -> Option<IpAddr> {
        if ordinal >= self.count() {
            return None;
        }
        Some(match self.first {
            IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from(u32::from(ip) + ordinal as u32)),
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from(u128::from(ip) + ordinal)),
        })
    }

    /// How far `ip` is from the first address, when it lies in the range.
    pub fn ordinal(&self, ip: IpAddr) -> Option<u128> {
        self.contains(ip).then(|| number(ip) - number(self.first))
    }

    /// The networks that make up the range, fewest first.
    pub fn networks(&self) -> Vec<IpNet> {
        match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => ipnet::Ipv4Subnets::new(first, last, 0).map(IpNet::V4).collect(),
            (IpAddr::V6(first), IpAddr::V6(last)) => ipnet::Ipv6Subnets::new(first, last, 0).map(IpNet::V6).collect(),
            _ => Vec::new(),
        }
    }
}

/// The address as a number within its family.
fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

impl From<IpNet> for IpRange {
    fn from(net: IpNet) -> Self {
        Self { first: net.network(), last: net.broadcast() }
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            return write!(f, "{}", self.first);
        }
        match self.networks().as_slice() {
            [net] => write!(f, "{net}"),
            _ => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl FromStr for IpRange {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for IpRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.first, self.last).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for IpRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (first, last) = <(IpAddr, IpAddr)>::deserialize(deserializer)?;
        Self::new(first, last).map_err(D::Error::custom)
    }
}

/// A bad piece of a list of targets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {position}: {error}")]
pub struct BadTarget {
    /// Where the piece starts, counted in characters from 1.
    pub position: usize,
    /// The piece.
    pub token: String,
    /// Why it is refused.
    pub error: AddressError,
}

/// Reads a list of targets separated by commas, spaces or new lines; every bad piece is named.
pub fn parse_targets(text: &str) -> Result<IpSet, Vec<BadTarget>> {
    let (mut ranges, mut bad) = (Vec::new(), Vec::new());
    for (position, token) in crate::ports::tokens(text) {
        match IpRange::parse(token) {
            Ok(range) => ranges.push(range),
            Err(error) => bad.push(BadTarget { position, token: token.to_owned(), error }),
        }
    }
    if bad.is_empty() { Ok(IpSet::from_ranges(ranges)) } else { Err(bad) }
}

/// The range of 6to4, NAT64 or v4-mapped addresses that hold the IPv4 addresses of `net`.
pub fn embedded_forms(net: Ipv4Net) -> [IpRange; 3] {
    let (first, last) = (u128::from(u32::from(net.network())), u128::from(u32::from(net.broadcast())));
    let six_to_four = u128::from(Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0));
    let nat64 = u128::from(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0));
    let mapped = 0xffff_u128 << 32;
    let range = |first: u128, last: u128| IpRange {
        first: IpAddr::V6(Ipv6Addr::from(first)),
        last: IpAddr::V6(Ipv6Addr::from(last)),
    };
    [
        range(six_to_four | (first << 80), six_to_four | (last << 80) | ((1 << 80) - 1)),
        range(nat64 | first, nat64 | last),
        range(mapped | first, mapped | last),
    ]
}

/// The network around `ip` that the binding mode `subnet` means: /24, or /64 in IPv6.
pub fn neighbourhood(ip: IpAddr) -> IpNet {
    match ip {
        IpAddr::V4(ip) => IpNet::V4(Ipv4Net::new(ip, 24).unwrap_or_default().trunc()),
        IpAddr::V6(ip) => IpNet::V6(Ipv6Net::new(ip, 64).unwrap_or_default().trunc()),
    }
}

/// The address without an IPv6 wrapping around IPv4, as a socket may report it.
pub fn plain(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(text: &str) -> IpRange {
        IpRange::parse(text).expect("good")
    }

    #[test]
    fn says_exactly_what_is_wrong() {
        let code = |text: &str| IpRange::parse(text).expect_err("refused").code();
        assert_eq!(code("10.0.0.1/24"), "host_bits_set");
        assert_eq!(code("10.0.0.0/33"), "bad_mask");
        assert_eq!(code("2001:db8::/129"), "bad_mask");
        assert_eq!(code("10.0.0.0/"), "bad_mask");
        assert_eq!(code("10.0.0.0/+8"), "bad_mask");
        assert_eq!(code("10.0.0"), "not_an_address");
        assert_eq!(code("host.example"), "not_an_address");
        assert_eq!(code("10.0.0.9-10.0.0.1"), "reversed_range");
        assert_eq!(code("10.0.0.9-::1"), "mixed_families");
        assert_eq!(code("::ffff:10.0.0.1"), "mapped_address");
        assert!(IpRange::parse("10.0.0.1/24").expect_err("refused").to_string().contains("10.0.0.0/24"));
    }

    #[test]
    fn reads_and_writes_ranges() {
        for text in ["10.0.0.1", "10.0.0.0/24", "10.0.0.1-10.0.0.9", "2001:db8::/64", "::1", "0.0.0.0/0", "::/0"] {
            assert_eq!(range(text).to_string(), text);
        }
        assert_eq!(range("10.0.0.1-9").to_string(), "10.0.0.1-10.0.0.9");
        assert_eq!(range("2001:DB8:0:0::1").to_string(), "2001:db8::1");
        assert_eq!(range("::/0").count(), u128::MAX);
    }

    #[test]
    fn names_each_bad_target_with_its_place() {
        let bad = parse_targets("10.0.0.1, nope\n10.0.0.1/8").expect_err("refused");
        assert_eq!(
            bad.iter().map(|b| (b.position, b.token.as_str())).collect::<Vec<_>>(),
            [(11, "nope"), (16, "10.0.0.1/8")]
        );
    }

    #[test]
    fn embeds_ipv4_in_the_three_forms() {
        let net = "127.0.0.0/8".parse().expect("good");
        let text: Vec<String> = embedded_forms(net).iter().map(ToString::to_string).collect();
        assert_eq!(text[0], "2002:7f00::/24");
        assert_eq!(text[1], "64:ff9b::7f00:0/104");
        assert_eq!(text[2], "::ffff:127.0.0.0/104");
    }

    proptest! {
        #[test]
        fn split_keeps_everything_in_order(ranges in proptest::collection::vec((0_u32..500, 0_u32..40), 1..6), limit in 1_u128..30) {
            let set = IpSet::from_ranges(ranges.iter().map(|&(a, n)| {
                IpRange::new(IpAddr::V4(a.into()), IpAddr::V4((a + n).into())).expect("ordered")
            }));
            let pieces = set.split(limit);
            prop_assert!(pieces.iter().all(|piece| piece.count() <= limit && !piece.is_empty()));
            prop_assert_eq!(pieces.iter().map(IpSet::count).sum::<u128>(), set.count());
            let (head, tail) = set.split_at(limit);
            prop_assert_eq!(&head, &pieces[0]);
            prop_assert_eq!(head.union(&tail), set.clone());
            prop_assert!(!head.intersects(&tail));
            prop_assert_eq!(pieces.iter().fold(IpSet::new(), |sum, piece| sum.union(piece)), set);
        }

        #[test]
        fn ordinals_and_addresses_are_inverse(first in any::<u32>(), n in 0_u32..1000) {
            let last = first.saturating_add(n);
            let range = IpRange::new(IpAddr::V4(first.into()), IpAddr::V4(last.into())).expect("ordered");
            prop_assert_eq!(range.count(), u128::from(last - first) + 1);
            prop_assert_eq!(range.nth(range.count()), None);
            let middle = u128::from((last - first) / 2);
            prop_assert_eq!(range.ordinal(range.nth(middle).expect("inside")), Some(middle));
            prop_assert_eq!(range.networks().into_iter().collect::<IpSet>().count(), range.count());
        }
    }
}
