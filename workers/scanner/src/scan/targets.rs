//! What is to be scanned: addresses, networks, ranges and names of the command line.
use std::net::ToSocketAddrs;

use mipo_domain::address::{AddressError, IpRange, IpSet};
use mipo_domain::permutation::Seed;
use mipo_domain::ports::{PortSet, Ports};
use mipo_domain::targets::{IndexSpace, Target};

use super::Fault;

/// The ports that a text names.
pub fn ports(text: &str) -> Result<PortSet, Fault> {
    let ports = Ports::parse(text).map_err(|bad| {
        let words: Vec<String> = bad.iter().map(ToString::to_string).collect();
        Fault::Usage(format!("--ports: {}", words.join("; ")))
    })?;
    if !ports.udp.is_empty() {
        return Err(Fault::Usage(format!("--ports: only TCP is probed; leave out U:{}", ports.udp)));
    }
    if ports.tcp.is_empty() {
        return Err(Fault::Usage("--ports: name at least one port, such as 22,80,8000-8100".to_owned()));
    }
    Ok(ports.tcp)
}

/// The addresses that the arguments name, each once.
pub fn addresses(targets: &[String]) -> Result<IpSet, Fault> {
    let mut ranges = Vec::new();
    for text in targets {
        match IpRange::parse(text) {
            Ok(range) => ranges.push(range),
            // A network may be written by any of its addresses here.
            Err(AddressError::HostBitsSet { network, .. }) => ranges.push(IpRange::from(network)),
            Err(error) if !is_name(text) => return Err(Fault::Usage(error.to_string())),
            Err(_) => ranges.extend(resolve(text)?),
        }
    }
    Ok(IpSet::from_ranges(ranges))
}

/// Host names have a letter, and nothing that a network or a list would have.
fn is_name(text: &str) -> bool {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.chars().all(valid) && text.chars().any(|c| c.is_ascii_alphabetic())
}

fn resolve(name: &str) -> Result<Vec<IpRange>, Fault> {
    let found = (name, 0).to_socket_addrs().map_err(|error| Fault::Failed(format!("{name}: {error}")))?;
    Ok(found.map(|address| IpRange::single(mipo_domain::address::plain(address.ip()))).collect())
}

/// The probes in their random order.
pub fn space(addresses: &IpSet, ports: &PortSet, seed: Seed) -> Result<IndexSpace, Fault> {
    let (four, six) = addresses.by_family();
    let targets: Vec<Target> =
        [four, six].into_iter().filter(|set| !set.is_empty()).map(|set| Target::tcp(&set, ports.clone())).collect();
    IndexSpace::new(&targets, seed).map_err(|error| Fault::Usage(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_port_is_named() {
        assert_eq!(ports("443, 20-22,22-25,26").unwrap().ranges(), [(20, 26), (443, 443)]);
        for (text, named) in
            [("22,abc", "abc"), ("0", "0"), ("70000", "70000"), ("9-3", "9-3"), ("", "at least"), ("53/udp", "TCP")]
        {
            let Err(Fault::Usage(message)) = ports(text) else { panic!("{text}") };
            assert!(message.contains(named), "{message}");
        }
    }

    #[test]
    fn targets_are_read_in_every_form() {
        let texts = ["10.0.0.1/30", "10.0.0.2", "10.0.0.8-9", "10.1.0.0-10.1.0.3", "::1", "localhost"];
        let set = addresses(&texts.map(str::to_owned)).unwrap();
        for ip in ["10.0.0.0", "10.0.0.3", "10.0.0.9", "10.1.0.3", "::1", "127.0.0.1"] {
            assert!(set.contains(ip.parse().unwrap()), "{ip}");
        }
        for text in ["10.0.0.300", "10.0.0.9-10.0.0.1", "10.0.0.0/33", "a b", ""] {
            assert!(matches!(addresses(&[text.to_owned()]), Err(Fault::Usage(_))), "{text}");
        }
    }
}
