//! nmap's XML (`-oX`), and that of tools which write the same.
use roxmltree::{Document, Node, ParsingOptions};

use super::{Import, PortChoice, Unreadable};
use crate::address::{IpRange, IpSet, parse_ip};
use crate::ports::{PortSet, Ports, Protocol};

/// Nodes of one document. A scan of a /16 with a few ports open has about a million.
const NODES: u32 = 5_000_000;

/// The addresses of hosts that were up, and all ports that were open on any of them.
pub fn read_xml(text: &str) -> Result<Import, Vec<Unreadable>> {
    // nmap names a DTD, which is not fetched; entities of the document's own are not made use of.
    let options = ParsingOptions { allow_dtd: true, nodes_limit: NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| vec![Unreadable::new("XML", format!("{error}; paste the whole file that -oX wrote"))])?;
    let root = document.root_element();
    if root.tag_name().name() != "nmaprun" {
        let reason = format!("the document is “{}”, not “nmaprun”", root.tag_name().name());
        return Err(vec![Unreadable::new("XML", reason)]);
    }
    let (mut ranges, mut tcp, mut udp, mut bad) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for host in children(root, "host").filter(is_up) {
        for address in children(host, "address").filter(|address| address.attribute("addrtype") != Some("mac")) {
            match parse_ip(address.attribute("addr").unwrap_or_default()) {
                Ok(ip) => ranges.push(IpRange::single(ip)),
                Err(error) => bad.push(Unreadable::new("address", error.to_string())),
            }
        }
        for port in children(host, "ports").flat_map(|ports| children(ports, "port")).filter(is_open) {
            let number = port.attribute("portid").and_then(|text| text.parse::<u16>().ok()).filter(|port| *port > 0);
            let protocol = port.attribute("protocol").unwrap_or_default();
            match (number, protocol.parse::<Protocol>()) {
                (Some(number), Ok(Protocol::Tcp)) => tcp.push((number, number)),
                (Some(number), Ok(Protocol::Udp)) => udp.push((number, number)),
                // SCTP and IP protocols have no ports of ours.
                (Some(_), Err(_)) => {}
                (None, _) => bad.push(Unreadable::new("port", "its portid is no number from 1 to 65535")),
            }
        }
    }
    if ranges.is_empty() && bad.is_empty() {
        bad.push(Unreadable::new("host", "no host of the document was up"));
    }
    let ports = Ports { tcp: PortSet::from_ranges(tcp), udp: PortSet::from_ranges(udp) };
    if ports.is_empty() && bad.is_empty() {
        bad.push(Unreadable::new("port", "no port of the document was open"));
    }
    if !bad.is_empty() {
        return Err(bad);
    }
    let addresses: IpSet = ranges.into_iter().collect();
    Ok(Import { addresses, ports: PortChoice::Ports(ports), ..Import::default() })
}

fn children<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.has_tag_name(name))
}

/// masscan writes no status.
fn is_up(host: &Node<'_, '_>) -> bool {
    children(*host, "status").next().is_none_or(|status| status.attribute("state") == Some("up"))
}

fn is_open(port: &Node<'_, '_>) -> bool {
    children(*port, "state").any(|state| state.attribute("state") == Some("open"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCAN: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -p 22,80 192.0.2.0/30" version="7.93">
<host><status state="up"/><address addr="192.0.2.1" addrtype="ipv4"/><address addr="AA:BB:CC:00:11:22" addrtype="mac"/>
<ports><port protocol="tcp" portid="22"><state state="open"/></port><port protocol="tcp" portid="80"><state state="closed"/></port></ports></host>
<host><status state="down"/><address addr="192.0.2.2" addrtype="ipv4"/></host>
<host><status state="up"/><address addr="2001:db8::7" addrtype="ipv6"/>
<ports><port protocol="tcp" portid="443"><state state="open"/></port><port protocol="udp" portid="53"><state state="open"/></port></ports></host>
</nmaprun>"#;

    #[test]
    fn hosts_that_were_up_and_ports_that_were_open_are_taken() {
        let found = read_xml(SCAN).expect("good");
        assert_eq!(found.addresses.to_string(), "192.0.2.1, 2001:db8::7");
        assert_eq!(found.ports.resolve().to_string(), "T:22,443,U:53");
    }

    #[test]
    fn what_is_no_scan_is_refused() {
        for bad in ["", "<a/>", "<nmaprun/>", "<nmaprun><host>", &SCAN.replace("192.0.2.1\"", "192.0.2.x\"")] {
            assert!(read_xml(bad).is_err(), "{bad}");
        }
        // No entity is expanded into a flood of text.
        let flood = "<!DOCTYPE nmaprun [<!ENTITY a \"xxxxxxxxxx\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]><nmaprun>&c;&c;&c;&c;</nmaprun>";
        assert!(read_xml(flood).is_err());
    }
}
