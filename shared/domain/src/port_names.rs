//! Built-in port lists, and what runs on a port as a rule.
use crate::ports::PortSet;

const FREQUENT: &str = include_str!("../data/frequent-ports.txt");
const NAMES: &str = include_str!("../data/port-names.txt");

/// A port list that every installation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltInPorts {
    /// The hundred most used TCP ports.
    Top100,
    /// The thousand most used TCP ports.
    Top1000,
    /// All 65,535.
    All,
}

impl BuiltInPorts {
    /// All three, smallest first.
    pub const ALL: [Self; 3] = [Self::Top100, Self::Top1000, Self::All];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Top100 => "top-100",
            Self::Top1000 => "top-1000",
            Self::All => "all",
        }
    }

    /// One line that says what it is for.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Top100 => "The 100 TCP ports that are open most often: a quick look",
            Self::Top1000 => "The 1,000 TCP ports that are open most often: the usual choice",
            Self::All => "Every TCP port from 1 to 65535: nothing is missed",
        }
    }

    /// Its ports.
    pub fn ports(self) -> PortSet {
        match self {
            Self::Top100 => frequent(100),
            Self::Top1000 => frequent(1000),
            Self::All => PortSet::all(),
        }
    }
}

/// The `count` most used TCP ports, at most 1,000.
pub fn frequent(count: usize) -> PortSet {
    FREQUENT.split([',', '\n']).filter_map(|port| port.trim().parse::<u16>().ok()).take(count).collect()
}

/// What runs on TCP `port` as a rule, such as `ssh`. A habit of the world, not a finding.
pub fn usual_service(port: u16) -> Option<&'static str> {
    entries().find(|(number, _, _)| *number == port).map(|(_, name, _)| name)
}

/// Every port with a usual service: port, short name, description. The built-in port catalog.
pub fn entries() -> impl Iterator<Item = (u16, &'static str, &'static str)> {
    NAMES.lines().filter_map(|line| {
        let mut words = line.splitn(3, ' ');
        Some((words.next()?.parse().ok()?, words.next()?, words.next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_have_the_size_that_they_say() {
        assert_eq!(BuiltInPorts::Top100.ports().count(), 100);
        assert_eq!(BuiltInPorts::Top1000.ports().count(), 1000);
        assert_eq!(BuiltInPorts::All.ports().count(), 65_535);
        assert!(BuiltInPorts::Top1000.ports().contains_all(&BuiltInPorts::Top100.ports()));
        for port in [22, 80, 443, 3389, 5432] {
            assert!(BuiltInPorts::Top100.ports().contains(port), "{port}");
        }
    }

    #[test]
    fn ports_have_one_name_each() {
        let ports: Vec<u16> = entries().map(|(port, _, _)| port).collect();
        assert_eq!(ports.len(), NAMES.lines().count());
        assert!(ports.is_sorted() && ports.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(usual_service(22), Some("ssh"));
        assert_eq!(usual_service(65_000), None);
    }
}
