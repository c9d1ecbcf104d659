//! Ports, protocols, and sets of ports.
use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::intervals::Intervals;

/// The protocol of a port. Only TCP is probed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP: kept in lists, never probed.
    Udp,
}

impl Protocol {
    /// The word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            other => Err(UnknownProtocol(other.to_owned())),
        }
    }
}

/// The text names no protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a protocol; it is tcp or udp")]
pub struct UnknownProtocol(pub String);

/// A set of ports 1 to 65535 (0 occurs nowhere). As JSON: inclusive pairs, as text: `22,80,8000-8100`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PortSet(Intervals<u16>);

impl PortSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self(Intervals::new())
    }

    /// Every port, 1 to 65535.
    pub fn all() -> Self {
        Self::from_ranges([(1, u16::MAX)])
    }

    /// The union of inclusive `ranges`; port 0 is left out.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u16, u16)>) -> Self {
        Self(Intervals::from_ranges(ranges.into_iter().map(|(first, last)| (first.max(1), last))))
    }

    /// The inclusive ranges, ascending.
    pub fn ranges(&self) -> &[(u16, u16)] {
        self.0.ranges()
    }

    /// Every port, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.ranges().iter().flat_map(|&(first, last)| first..=last)
    }

    /// How many ports it holds.
    pub fn count(&self) -> u32 {
        self.ranges().iter().map(|&(first, last)| u32::from(last - first) + 1).sum()
    }

    /// True when it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when `port` is in it.
    pub fn contains(&self, port: u16) -> bool {
        self.0.contains(port)
    }

    /// True when every port of `other` is in it.
    pub fn contains_all(&self, other: &Self) -> bool {
        self.0.contains_all(&other.0)
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

    /// Cuts the set into slices of at most `limit` ports each, ascending.
    pub fn split(&self, limit: u32) -> Vec<Self> {
        let limit = limit.max(1);
        let (mut slices, mut slice, mut room) = (Vec::new(), Vec::new(), limit);
        for &(first, last) in self.ranges() {
            let mut start = u32::from(first);
            while start <= u32::from(last) {
                let end = (start + room - 1).min(u32::from(last));
                slice.push((start as u16, end as u16));
                room -= end - start + 1;
                start = end + 1;
                if room == 0 {
                    slices.push(Self::from_ranges(std::mem::take(&mut slice)));
                    room = limit;
                }
            }
        }
        if !slice.is_empty() {
            slices.push(Self::from_ranges(slice));
        }
        slices
    }

    /// The text of PostgreSQL's `int4multirange`, `{[22,23),[80,81)}`.
    pub fn to_multirange(&self) -> String {
        let ranges: Vec<String> =
            self.ranges().iter().map(|&(first, last)| format!("[{first},{})", u32::from(last) + 1)).collect();
        format!("{{{}}}", ranges.join(","))
    }

    /// Reads the text of PostgreSQL's `int4multirange`.
    pub fn from_multirange(text: &str) -> Result<Self, NotAMultirange> {
        let wrong = || NotAMultirange(text.to_owned());
        let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(wrong)?;
        let mut ranges = Vec::new();
        let mut rest = inner;
        while !rest.is_empty() {
            let (range, after) = rest.split_once(')').ok_or_else(wrong)?;
            let (from, to) = range.strip_prefix('[').and_then(|r| r.split_once(',')).ok_or_else(wrong)?;
            let from: u16 = from.parse().map_err(|_| wrong())?;
            let to: u32 = to.parse().map_err(|_| wrong())?;
            let last = to.checked_sub(1).and_then(|last| u16::try_from(last).ok()).ok_or_else(wrong)?;
            ranges.push((from, last));
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        Ok(Self::from_ranges(ranges))
    }
}

impl FromIterator<u16> for PortSet {
    fn from_iter<I: IntoIterator<Item = u16>>(ports: I) -> Self {
        Self::from_ranges(ports.into_iter().map(|port| (port, port)))
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, &(first, last)) in self.ranges().iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            if first == last { write!(f, "{first}")? } else { write!(f, "{first}-{last}")? }
        }
        Ok(())
    }
}

impl Serialize for PortSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.ranges())
    }
}

impl<'de> Deserialize<'de> for PortSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = Vec::<(u16, u16)>::deserialize(deserializer)?;
        for (first, last) in &pairs {
            if *first == 0 || first > last {
                return Err(D::Error::custom(format!(
                    "[{first},{last}] is not a range of ports; write [from,to] with 1 <= from <= to <= 65535"
                )));
            }
        }
        Ok(Self::from_ranges(pairs))
    }
}

/// The text is not a multirange of ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a multirange of ports")]
pub struct NotAMultirange(pub String);

/// Ports of both protocols, as a port list holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ports {
    /// TCP ports.
    pub tcp: PortSet,
    /// UDP ports: kept, never probed.
    pub udp: PortSet,
}

/// Why a piece of a port text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortFault {
    /// Not a number.
    #[error("is not a port; write a number from 1 to 65535, or a range such as 8000-8100")]
    NotANumber,
    /// 0 or above 65535.
    #[error("is outside 1 to 65535")]
    OutOfRange,
    /// The ends of a range are the wrong way round.
    #[error("ends before it starts; write the lower port first")]
    Reversed,
    /// A protocol other than TCP and UDP.
    #[error("names an unknown protocol; write /tcp, /udp, T: or U:")]
    UnknownProtocol,
}

impl PortFault {
    /// A stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_port",
            Self::OutOfRange => "port_out_of_range",
            Self::Reversed => "reversed_range",
            Self::UnknownProtocol => "unknown_protocol",
        }
    }
}

/// A bad piece of a port text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{token}` (character {position}) {fault}")]
pub struct BadPort {
    /// Where the piece starts, counted in characters from 1.
    pub position: usize,
    /// The piece.
    pub token: String,
    /// Why it is refused.
    pub fault: PortFault,
}

impl Ports {
    /// Only TCP ports.
    pub const fn tcp(ports: PortSet) -> Self {
        Self { tcp: ports, udp: PortSet::new() }
    }

    /// True when it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.tcp.is_empty() && self.udp.is_empty()
    }

    /// What is in either.
    pub fn union(&self, other: &Self) -> Self {
        Self { tcp: self.tcp.union(&other.tcp), udp: self.udp.union(&other.udp) }
    }

    /// Reads `22, 80/tcp, 8000-8100, U:53, 161/udp`. `T:` and `U:` hold until the next of them. Every bad piece is
    /// named with its place; nothing is dropped.
    pub fn parse(text: &str) -> Result<Self, Vec<BadPort>> {
        let (mut tcp, mut udp, mut bad) = (Vec::new(), Vec::new(), Vec::new());
        let mut current = Protocol::Tcp;
        for (position, token) in tokens(text) {
            let refuse = |fault| BadPort { position, token: token.to_owned(), fault };
            let mut piece = token;
            if let Some((letter, rest)) = token.split_once(':') {
                match letter {
                    "T" | "t" => current = Protocol::Tcp,
                    "U" | "u" => current = Protocol::Udp,
                    _ => {
                        bad.push(refuse(PortFault::UnknownProtocol));
                        continue;
                    }
                }
                piece = rest;
                if piece.is_empty() {
                    continue;
                }
            }
            let mut protocol = current;
            if let Some((range, suffix)) = piece.split_once('/') {
                let Ok(named) = suffix.to_ascii_lowercase().parse() else {
                    bad.push(refuse(PortFault::UnknownProtocol));
                    continue;
                };
                protocol = named;
                piece = range;
            }
            match parse_range(piece) {
                Ok(range) if protocol == Protocol::Tcp => tcp.push(range),
                Ok(range) => udp.push(range),
                Err(fault) => bad.push(refuse(fault)),
            }
        }
        if bad.is_empty() {
            Ok(Self { tcp: PortSet::from_ranges(tcp), udp: PortSet::from_ranges(udp) })
        } else {
            Err(bad)
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.tcp.is_empty(), self.udp.is_empty()) {
            (_, true) => self.tcp.fmt(f),
            (true, false) => write!(f, "U:{}", self.udp),
            (false, false) => write!(f, "T:{},U:{}", self.tcp, self.udp),
        }
    }
}

fn parse_range(text: &str) -> Result<(u16, u16), PortFault> {
    match text.split_once('-') {
        None => parse_port(text).map(|port| (port, port)),
        // A range left open (`22-`) is refused: a slip of the finger must not become 65,000 ports.
        Some((from, to)) => {
            let (first, last) = (parse_port(from)?, parse_port(to)?);
            if last < first { Err(PortFault::Reversed) } else { Ok((first, last)) }
        }
    }
}

fn parse_port(text: &str) -> Result<u16, PortFault> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PortFault::NotANumber);
    }
    match text.parse::<u16>() {
        Ok(0) | Err(_) => Err(PortFault::OutOfRange),
        Ok(port) => Ok(port),
    }
}

/// The pieces of a list separated by commas or white space, each with the place of its first character (from 1).
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut characters = 0;
    let mut rest = text;
    std::iter::from_fn(move || {
        let separator = |c: char| c == ',' || c == ';' || c.is_whitespace();
        let start = rest.find(|c| !separator(c))?;
        characters += rest[..start].chars().count();
        let from = &rest[start..];
        let end = from.find(separator).unwrap_or(from.len());
        let (token, after) = from.split_at(end);
        let position = characters + 1;
        characters += token.chars().count();
        rest = after;
        Some((position, token))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        let ports = Ports::parse("22, 80/tcp 8000-8002,U:53,161 T:443\n5000/UDP").expect("good");
        assert_eq!(ports.tcp.to_string(), "22,80,443,8000-8002");
        assert_eq!(ports.udp.to_string(), "53,161,5000");
        assert_eq!(ports.to_string(), "T:22,80,443,8000-8002,U:53,161,5000");
        assert_eq!(Ports::parse(&ports.to_string()).expect("reads its own text"), ports);
        assert_eq!(Ports::parse("1-65535").expect("all").tcp, PortSet::all());
        assert!(Ports::parse("22-").is_err());
    }

    #[test]
    fn names_every_bad_piece_with_its_place() {
        let bad = Ports::parse("22,abc,70000, 22/icmp,90-80,0,X:5").expect_err("refused");
        let seen: Vec<(usize, &str, &str)> =
            bad.iter().map(|b| (b.position, b.token.as_str(), b.fault.code())).collect();
        assert_eq!(
            seen,
            [
                (4, "abc", "not_a_port"),
                (8, "70000", "port_out_of_range"),
                (15, "22/icmp", "unknown_protocol"),
                (23, "90-80", "reversed_range"),
                (29, "0", "port_out_of_range"),
                (31, "X:5", "unknown_protocol"),
            ]
        );
    }

    #[test]
    fn refuses_pairs_that_are_no_ranges() {
        assert!(serde_json::from_str::<PortSet>("[[0,5]]").is_err());
        assert!(serde_json::from_str::<PortSet>("[[9,5]]").is_err());
        assert!(serde_json::from_str::<PortSet>("[[1,70000]]").is_err());
        assert_eq!(
            serde_json::to_string(&PortSet::from_ranges([(80, 81), (22, 22)])).expect("json"),
            "[[22,22],[80,81]]"
        );
    }

    proptest! {
        #[test]
        fn all_three_texts_read_back(ports in proptest::collection::btree_set(1_u16.., 0..40)) {
            let set: PortSet = ports.iter().copied().collect();
            prop_assert_eq!(set.count() as usize, ports.len());
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), ports.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(PortSet::from_multirange(&set.to_multirange()).expect("reads"), set.clone());
            prop_assert_eq!(Ports::parse(&set.to_string()).expect("reads").tcp, set.clone());
            let json = serde_json::to_string(&set).expect("json");
            prop_assert_eq!(serde_json::from_str::<PortSet>(&json).expect("reads"), set);
        }

        #[test]
        fn slices_keep_every_port(ports in proptest::collection::btree_set(1_u16..300, 1..60), limit in 1_u32..20) {
            let set: PortSet = ports.into_iter().collect();
            let slices = set.split(limit);
            prop_assert!(slices.iter().all(|slice| slice.count() <= limit && !slice.is_empty()));
            prop_assert_eq!(slices.iter().fold(PortSet::new(), |sum, slice| sum.union(slice)), set.clone());
            prop_assert_eq!(slices.iter().map(PortSet::count).sum::<u32>(), set.count());
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = Ports::parse(&text);
            let _ = crate::address::parse_targets(&text);
        }
    }
}
