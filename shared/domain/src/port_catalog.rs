//! The built-in port catalog: service names with their ports, and where each is known from.
use std::collections::BTreeMap;

use crate::port_names;
use crate::ports::{PortSet, Ports};

/// Lines `name port/protocol,…`; lines that begin with `#` say where they come from.
const SERVICES: &str = include_str!("../data/service-names.txt");

/// The names of IANA's registry, in the choice of a package that is kept by people who look after it.
pub const IANA: &str = "IANA service names and port numbers, as in netbase 6.4";
/// What mipo says of itself.
pub const USUAL: &str = "mipo, usual services";

/// An entry that every installation has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltInEntry {
    /// The short name of the service.
    pub name: &'static str,
    /// What it is, where that is known.
    pub description: String,
    /// Its ports.
    pub ports: Ports,
    /// Where name and ports are known from.
    pub sources: Vec<&'static str>,
}

/// All entries, by name.
pub fn built_in() -> Vec<BuiltInEntry> {
    let mut entries: BTreeMap<&str, BuiltInEntry> = BTreeMap::new();
    for line in SERVICES.lines().filter(|line| !line.starts_with('#')) {
        if let Some((name, ports)) = line.split_once(' ')
            && let Ok(ports) = Ports::parse(ports)
        {
            put(&mut entries, name, &ports, "", IANA);
        }
    }
    for (port, name, description) in port_names::entries() {
        let tcp: PortSet = [port].into_iter().collect();
        put(&mut entries, name, &Ports { tcp, udp: PortSet::new() }, description, USUAL);
    }
    entries.into_values().collect()
}

fn put(
    entries: &mut BTreeMap<&str, BuiltInEntry>,
    name: &'static str,
    ports: &Ports,
    description: &str,
    source: &'static str,
) {
    let entry = entries.entry(name).or_insert_with(|| BuiltInEntry {
        name,
        description: String::new(),
        ports: Ports::default(),
        sources: Vec::new(),
    });
    entry.ports = entry.ports.union(ports);
    if entry.description.is_empty() {
        description.clone_into(&mut entry.description);
    }
    if !entry.sources.contains(&source) {
        entry.sources.push(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names;

    #[test]
    fn every_entry_can_be_stored_and_says_where_it_is_from() {
        let entries = built_in();
        assert!(entries.len() > 300, "{}", entries.len());
        let mut seen = std::collections::BTreeSet::new();
        for entry in &entries {
            assert!(names::check_name(entry.name).is_ok(), "{}", entry.name);
            assert!(seen.insert(entry.name.to_lowercase()), "{} is there twice", entry.name);
            assert!(!entry.ports.is_empty() && !entry.sources.is_empty(), "{}", entry.name);
        }
        let find = |name: &str| entries.iter().find(|entry| entry.name == name).expect(name);
        assert_eq!(find("ssh").sources, [IANA, USUAL]);
        assert_eq!(
            (find("domain").ports.to_string(), find("domain").description.as_str()),
            ("T:53,U:53".into(), "DNS")
        );
        let lines = SERVICES.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(entries.iter().filter(|entry| entry.sources.contains(&IANA)).count(), lines, "every line is read");
    }
}
