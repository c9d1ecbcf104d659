//! The open set of a job: what its result hash is over, and how a receipt keeps it (product 7.9).
use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::hash::Hash256;
use crate::ports::Protocol;
use crate::targets::Probe;

/// Open ports in the order of their hash: address family, address bytes, protocol, port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenSet(BTreeSet<Probe>);

/// A stored set that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the open set is wrong: `{text}`")]
pub struct BadOpenSet {
    /// Counted from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

impl OpenSet {
    /// How many ports are open.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// True when none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The open ports, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Probe> {
        self.0.iter()
    }

    /// The lines `ip|protocol|port\n` that are hashed.
    pub fn lines(&self) -> String {
        let mut text = String::new();
        for probe in &self.0 {
            push_line(&mut text, probe);
        }
        text
    }

    /// The result hash.
    pub fn hash(&self) -> Hash256 {
        Hash256::of(self.lines().as_bytes())
    }

    /// Reads [`Self::lines`].
    pub fn parse(text: &str) -> Result<Self, BadOpenSet> {
        let parsed = text
            .lines()
            .enumerate()
            .map(|(n, line)| parse_line(line).ok_or_else(|| BadOpenSet { line: n + 1, text: line.to_owned() }));
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// What turns `baseline` into this set: the lines that went (`-`) and those that came (`+`).
    pub fn delta_from(&self, baseline: &Self) -> String {
        let mut text = String::new();
        for (sign, from, to) in [('-', &baseline.0, &self.0), ('+', &self.0, &baseline.0)] {
            for probe in from.difference(to) {
                text.push(sign);
                push_line(&mut text, probe);
            }
        }
        text
    }

    /// The set that `delta` makes of this one. A line that takes away what is not there, or adds what is, is wrong.
    pub fn apply(&self, delta: &str) -> Result<Self, BadOpenSet> {
        let mut set = self.0.clone();
        for (n, line) in delta.lines().enumerate() {
            let wrong = || BadOpenSet { line: n + 1, text: line.to_owned() };
            let fits = match (line.get(..1), line.get(1..).and_then(parse_line)) {
                (Some("+"), Some(probe)) => set.insert(probe),
                (Some("-"), Some(probe)) => set.remove(&probe),
                _ => false,
            };
            if !fits {
                return Err(wrong());
            }
        }
        Ok(Self(set))
    }
}

impl FromIterator<Probe> for OpenSet {
    fn from_iter<I: IntoIterator<Item = Probe>>(probes: I) -> Self {
        Self(probes.into_iter().collect())
    }
}

fn push_line(text: &mut String, probe: &Probe) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}|{}|{}", probe.ip, probe.protocol, probe.port);
}

fn parse_line(line: &str) -> Option<Probe> {
    let mut fields = line.split('|');
    let (ip, protocol, port) = (fields.next()?.parse().ok()?, fields.next()?.parse::<Protocol>().ok()?, fields.next()?);
    let port = port.parse().ok().filter(|port| *port > 0)?;
    fields.next().is_none().then_some(Probe { ip, protocol, port })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn probe(ip: &str, port: u16) -> Probe {
        Probe { ip: ip.parse().expect("an address"), protocol: Protocol::Tcp, port }
    }

    #[test]
    fn lines_are_sorted_by_family_address_protocol_and_port() {
        let set: OpenSet = [
            probe("::1", 22),
            probe("10.0.0.10", 80),
            probe("10.0.0.9", 443),
            probe("10.0.0.9", 80),
            Probe { protocol: Protocol::Udp, ..probe("10.0.0.9", 1) },
            probe("9.255.0.1", 1),
        ]
        .into_iter()
        .collect();
        let lines =
            "9.255.0.1|tcp|1\n10.0.0.9|tcp|80\n10.0.0.9|tcp|443\n10.0.0.9|udp|1\n10.0.0.10|tcp|80\n::1|tcp|22\n";
        assert_eq!(set.lines(), lines);
        assert_eq!(set.hash(), Hash256::of(lines.as_bytes()));
        assert_eq!(OpenSet::parse(lines), Ok(set));
        assert_eq!(OpenSet::default().hash(), Hash256::of(b""));
    }

    #[test]
    fn what_is_not_a_set_is_refused() {
        for bad in ["x", "10.0.0.1|tcp|0", "10.0.0.1|tcp|80|x", "10.0.0.1|icmp|1"] {
            assert_eq!(OpenSet::parse(&format!("::1|tcp|1\n{bad}\n")).map_err(|bad| bad.line), Err(2), "{bad}");
        }
        let set: OpenSet = [probe("10.0.0.1", 1)].into_iter().collect();
        assert!(set.apply("-10.0.0.1|tcp|2\n").is_err(), "not there");
        assert!(set.apply("+10.0.0.1|tcp|1\n").is_err(), "there already");
        assert!(set.apply("10.0.0.1|tcp|1\n").is_err(), "no sign");
    }

    proptest! {
        #[test]
        fn a_delta_rebuilds_the_set(
            a in proptest::collection::vec((0_u8..4, 1_u16..20), 0..20),
            b in proptest::collection::vec((0_u8..4, 1_u16..20), 0..20),
        ) {
            let set = |list: &[(u8, u16)]| -> OpenSet {
                list.iter().map(|&(host, port)| probe(&format!("10.0.0.{host}"), port)).collect()
            };
            let (a, b) = (set(&a), set(&b));
            prop_assert_eq!(a.apply(&b.delta_from(&a)), Ok(b.clone()));
            prop_assert_eq!(b.delta_from(&b), "");
        }
    }
}
