//! Open ports that a test knows.
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

/// Listeners on addresses of 127.0.0.0/8 that nobody else uses, and everything else that answers there.
pub(crate) struct Listeners {
    addresses: Vec<Ipv4Addr>,
    open: Vec<TcpListener>,
}

impl Listeners {
    /// Opens `each` ports on each of `addresses`, spread over the whole range.
    pub(crate) fn open(addresses: &[Ipv4Addr], each: u16) -> Self {
        let mut open = Vec::new();
        for (n, address) in addresses.iter().enumerate() {
            let step = 60_000 / each;
            for k in 0..each {
                let wanted = 2_000 + k * step + u16::try_from(n).expect("few addresses") * 7;
                // A port that is taken is passed over; which ones are open is asked of the listeners.
                if let Ok(listener) = TcpListener::bind(SocketAddr::from((*address, wanted))) {
                    open.push(listener);
                }
            }
        }
        assert!(open.len() > addresses.len() * usize::from(each) / 2, "most ports are free");
        Self { addresses: addresses.to_vec(), open }
    }

    /// `a-b` for a scan request.
    pub(crate) fn target(&self) -> String {
        let first = self.addresses.first().expect("there is one");
        let last = self.addresses.last().expect("there is one");
        format!("{first}-{last}")
    }

    /// Every address and port that a scan must find open: ours, and what other programs of this machine have open on
    /// all addresses.
    pub(crate) fn expected(&self) -> BTreeSet<(IpAddr, u16)> {
        let ours = self.open.iter().map(|listener| listener.local_addr().expect("bound"));
        let mut expected: BTreeSet<_> = ours.map(|address| (address.ip(), address.port())).collect();
        for port in open_everywhere() {
            expected.extend(self.addresses.iter().map(|address| (IpAddr::V4(*address), port)));
        }
        expected
    }
}

/// Ports that listen on 0.0.0.0 or ::.
pub(crate) fn open_everywhere() -> BTreeSet<u16> {
    listening().into_iter().filter(|(everywhere, _)| *everywhere).map(|(_, port)| port).collect()
}

/// Ports that answer on 127.0.0.1.
pub(crate) fn open_on_loopback() -> BTreeSet<u16> {
    let mut ports = open_everywhere();
    for line in table("/proc/net/tcp") {
        if let Some(port) = line.strip_prefix("0100007F:") {
            ports.insert(u16::from_str_radix(port, 16).expect("hexadecimal"));
        }
    }
    ports
}

fn listening() -> Vec<(bool, u16)> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .flat_map(table)
        .map(|local| {
            let (address, port) = local.split_once(':').expect("address:port");
            let everywhere = address.bytes().all(|digit| digit == b'0');
            (everywhere, u16::from_str_radix(port, 16).expect("hexadecimal"))
        })
        .collect()
}

/// Local addresses of the sockets that listen.
fn table(path: &str) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.filter(|fields| fields.get(3) == Some(&"0A")).map(|fields| fields[1].to_owned()).collect()
}
