//! An nmap command line.
use std::net::IpAddr;

use ipnet::IpNet;

use super::words::split;
use super::{Ignored, Import, PortChoice, Unreadable, octets};
use crate::address::{AddressError, IpRange, IpSet, parse_cidr};
use crate::host_names::is_host_name;
use crate::ports::Ports;

/// Options whose value stands in the next word, and why they mean nothing here. Those that stand in the same word
/// (`-T4`, `-oX-`) are found by their first letters.
const WITH_VALUE: &[(&str, &str)] = &[
    ("-e", OURS),
    ("-g", OURS),
    ("-S", OURS),
    ("-D", DECOY),
    ("-oA", OUTPUT),
    ("-oG", OUTPUT),
    ("-oN", OUTPUT),
    ("-oS", OUTPUT),
    ("-oX", OUTPUT),
    ("-sI", TECHNIQUE),
    ("-b", TECHNIQUE),
    ("--data", PAYLOAD),
    ("--data-length", PAYLOAD),
    ("--data-string", PAYLOAD),
    ("--datadir", OURS),
    ("--dns-servers", OURS),
    ("--host-timeout", TIMING),
    ("--initial-rtt-timeout", TIMING),
    ("--ip-options", PAYLOAD),
    ("--max-hostgroup", TIMING),
    ("--max-parallelism", TIMING),
    ("--max-retries", TIMING),
    ("--max-rtt-timeout", TIMING),
    ("--max-scan-delay", TIMING),
    ("--min-hostgroup", TIMING),
    ("--min-parallelism", TIMING),
    ("--min-rate", TIMING),
    ("--min-rtt-timeout", TIMING),
    ("--mtu", PAYLOAD),
    ("--proxies", OURS),
    ("--proxy", OURS),
    ("--resume", OURS),
    ("--scan-delay", TIMING),
    ("--scanflags", TECHNIQUE),
    ("--script", SCRIPT),
    ("--script-args", SCRIPT),
    ("--script-args-file", SCRIPT),
    ("--script-help", SCRIPT),
    ("--script-timeout", SCRIPT),
    ("--source-port", OURS),
    ("--spoof-mac", DECOY),
    ("--stats-every", OUTPUT),
    ("--stylesheet", OUTPUT),
    ("--ttl", PAYLOAD),
    ("--version-intensity", DETECTION),
];

const TECHNIQUE: &str = "every port is probed by a TCP connection";
const DETECTION: &str = "services are told from what they say by themselves, systems are not guessed";
const TIMING: &str = "timing follows the measured round trips; limits are those of scanner, subnet and port list";
const SCRIPT: &str = "nothing is sent to an open port";
const OUTPUT: &str = "results are kept, and can be exported";
const DISCOVERY: &str = "hosts are not looked for first: every address is probed";
const DECOY: &str = "probes carry the scanner's own address";
const PAYLOAD: &str = "probes are plain connections";
const OURS: &str = "this is the scanner's own affair";

/// Reads a command line, with or without `nmap` and `sudo` before it. Every word that cannot be read is named.
pub fn read_command(line: &str) -> Result<Import, Vec<Unreadable>> {
    let words = split(line).map_err(|error| vec![error])?;
    let mut reader = Reader::default();
    let mut words = words.into_iter().skip_while(|word| is_program(word)).peekable();
    while let Some(word) = words.next() {
        if word.starts_with('-') && word.len() > 1 {
            reader.option(&word, &mut words);
        } else {
            reader.target(&word);
        }
    }
    reader.done()
}

fn is_program(word: &str) -> bool {
    matches!(word.rsplit('/').next(), Some("nmap" | "sudo" | "$" | "#"))
}

#[derive(Default)]
struct Reader {
    ranges: Vec<IpRange>,
    host_names: Vec<String>,
    excluded: Vec<IpRange>,
    excluded_ports: Option<Ports>,
    ports: Option<PortChoice>,
    max_rate: Option<u32>,
    ignored: Vec<Ignored>,
    bad: Vec<Unreadable>,
}

impl Reader {
    fn refuse(&mut self, token: &str, reason: impl Into<String>) {
        self.bad.push(Unreadable::new(token, reason));
    }

    fn ignore(&mut self, what: String, why: &'static str) {
        self.ignored.push(Ignored { what, why });
    }

    fn option(&mut self, word: &str, rest: &mut impl Iterator<Item = String>) {
        // Long options may have their value behind `=`, and may begin with one hyphen.
        let name = if word.starts_with("--") || !is_long(&word[1..]) { word.to_owned() } else { format!("-{word}") };
        let (name, mut value) = match name.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
            _ => (name, None),
        };
        let mut need = |value: &mut Option<String>| value.take().or_else(|| rest.next());
        match name.as_str() {
            "--exclude" => match need(&mut value) {
                Some(list) => self.exclude(&list),
                None => self.refuse(word, "names no target to leave out"),
            },
            "--exclude-ports" => match need(&mut value) {
                Some(list) => self.excluded_ports = self.read_ports(&list).or(self.excluded_ports.take()),
                None => self.refuse(word, "names no port to leave out"),
            },
            "--excludefile" | "-iL" => {
                need(&mut value);
                self.refuse(word, "reads a file that is not here; write its lines as targets");
            }
            "--top-ports" => self.top(word, need(&mut value)),
            "--port-ratio" => {
                need(&mut value);
                self.refuse(word, "is not known here; write --top-ports with a number");
            }
            "--max-rate" => match need(&mut value).as_deref().map(str::parse::<u32>) {
                Some(Ok(rate)) if rate > 0 => self.max_rate = Some(rate),
                _ => self.refuse(word, "needs a whole number of probes per second"),
            },
            "-iR" => {
                need(&mut value);
                self.refuse(word, "scans random addresses of the internet, which mipo does not");
            }
            "-p" => match need(&mut value) {
                Some(list) => self.choose_ports(&list),
                None => self.refuse(word, "names no port"),
            },
            "-F" => self.ports = Some(PortChoice::Top(100)),
            "-6" | "-4" | "-r" | "-n" | "-R" | "-v" | "-vv" | "-d" | "-h" | "-V" | "--open" | "--reason"
            | "--iflist" => {}
            _ => self.without_meaning(word, &name, value, rest),
        }
    }

    fn without_meaning(
        &mut self,
        word: &str,
        name: &str,
        value: Option<String>,
        rest: &mut impl Iterator<Item = String>,
    ) {
        if let Some((_, why)) = WITH_VALUE.iter().find(|(known, _)| *known == name) {
            let shown = match value.or_else(|| rest.next()) {
                Some(value) => format!("{name} {value}"),
                None => name.to_owned(),
            };
            return self.ignore(shown, why);
        }
        if let Some(list) = word.strip_prefix("-p") {
            return self.choose_ports(list);
        }
        let why = match word.as_bytes().get(1) {
            Some(b's') if word.starts_with("-sV") => DETECTION,
            Some(b's') if word.starts_with("-sC") => SCRIPT,
            Some(b's') if word.starts_with("-sn") || word.starts_with("-sL") || word.starts_with("-sP") => DISCOVERY,
            Some(b's') => TECHNIQUE,
            Some(b'P') => DISCOVERY,
            Some(b'T') => TIMING,
            Some(b'O' | b'A') => DETECTION,
            Some(b'o' | b'v' | b'd') => OUTPUT,
            Some(b'f' | b'D') => DECOY,
            Some(b'-') => OURS,
            _ => return self.refuse(word, "is no option of nmap's that is known here"),
        };
        self.ignore(word.to_owned(), why);
    }

    fn top(&mut self, word: &str, value: Option<String>) {
        match value.as_deref().map(str::parse::<u16>) {
            Some(Ok(count)) if (1..=1000).contains(&count) => self.ports = Some(PortChoice::Top(count)),
            _ => self.refuse(word, "needs a number from 1 to 1000; more are not ranked here, write the ports"),
        }
    }

    fn choose_ports(&mut self, list: &str) {
        if let Some(ports) = self.read_ports(list) {
            self.ports = Some(PortChoice::Ports(ports));
        }
    }

    /// nmap's port text: ranges may be open (`-100`, `60000-`, `-`), brackets mean "of those that are known".
    fn read_ports(&mut self, list: &str) -> Option<Ports> {
        let closed: Vec<String> = list.split(',').map(|piece| close(piece.trim().trim_matches(['[', ']']))).collect();
        match Ports::parse(&closed.join(",")) {
            Ok(ports) if ports.is_empty() => self.refuse(list, "names no port"),
            Ok(ports) => return Some(ports),
            Err(bad) => {
                for piece in bad {
                    let reason = format!("{}; services are written by their numbers here", piece.fault);
                    self.refuse(&piece.token, reason);
                }
            }
        }
        None
    }

    fn exclude(&mut self, list: &str) {
        for piece in list.split(',').filter(|piece| !piece.is_empty()) {
            match addresses(piece) {
                Ok(Some(ranges)) => self.excluded.extend(ranges),
                Ok(None) => self.refuse(piece, "a host name cannot be left out; write its addresses"),
                Err(error) => self.bad.push(error),
            }
        }
    }

    fn target(&mut self, word: &str) {
        match addresses(word) {
            Ok(Some(ranges)) => self.ranges.extend(ranges),
            Ok(None) => self.host_names.push(word.to_ascii_lowercase()),
            Err(error) => self.bad.push(error),
        }
    }

    fn done(mut self) -> Result<Import, Vec<Unreadable>> {
        if self.ranges.is_empty() && self.host_names.is_empty() && self.bad.is_empty() {
            self.refuse("nmap", "names no target");
        }
        if !self.bad.is_empty() {
            return Err(self.bad);
        }
        let excluded: IpSet = self.excluded.into_iter().collect();
        let addresses: IpSet = self.ranges.into_iter().collect::<IpSet>().subtract(&excluded);
        let mut host_names = self.host_names;
        host_names.sort();
        host_names.dedup();
        let mut ports = self.ports.unwrap_or_default();
        if let Some(without) = self.excluded_ports {
            let all = ports.resolve();
            ports =
                PortChoice::Ports(Ports { tcp: all.tcp.subtract(&without.tcp), udp: all.udp.subtract(&without.udp) });
        }
        Ok(Import { addresses, host_names, ports, max_rate: self.max_rate, ignored: self.ignored })
    }
}

/// Names of nmap's long options may follow one hyphen.
fn is_long(name: &str) -> bool {
    let name = name.split('=').next().unwrap_or(name);
    let known =
        ["exclude", "excludefile", "exclude-ports", "top-ports", "port-ratio", "max-rate", "open", "reason", "iflist"];
    known.contains(&name) || WITH_VALUE.iter().any(|(known, _)| known.strip_prefix("--") == Some(name))
}

/// `-100` as `1-100`, `60000-` as `60000-65535`, behind a protocol too.
fn close(piece: &str) -> String {
    let (protocol, range) = match piece.split_once(':') {
        Some((protocol, range)) => (format!("{protocol}:"), range),
        None => (String::new(), piece),
    };
    let range = match range.split_once('-') {
        Some((low, high)) => {
            let low = if low.is_empty() || low == "0" { "1" } else { low };
            format!("{low}-{}", if high.is_empty() { "65535" } else { high })
        }
        None => range.to_owned(),
    };
    format!("{protocol}{range}")
}

/// The addresses of a target; nothing for a host name.
fn addresses(word: &str) -> Result<Option<Vec<IpRange>>, Unreadable> {
    if octets::is_octets(word) {
        return octets::ranges(word).map(Some);
    }
    match parse_cidr(word) {
        Ok(net) => Ok(Some(vec![net.into()])),
        // nmap takes the network around an address.
        Err(AddressError::HostBitsSet { network, .. }) => Ok(Some(vec![network.into()])),
        Err(AddressError::NotAnAddress(_)) if is_host_name(word) => Ok(None),
        Err(error) => match around_name(word) {
            Some(reason) => Err(Unreadable::new(word, reason)),
            None => Err(Unreadable::new(word, error.to_string())),
        },
    }
}

/// `scanme.example.org/28`: nmap resolves the name first.
fn around_name(word: &str) -> Option<&'static str> {
    let (name, bits) = word.split_once('/')?;
    let is_mask = bits.parse::<u8>().is_ok();
    (is_mask && name.parse::<IpAddr>().is_err() && name.parse::<IpNet>().is_err() && is_host_name(name))
        .then_some("a network around a host name is not known here; write the network itself")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(line: &str) -> Import {
        read_command(line).unwrap_or_else(|bad| panic!("{line}: {bad:?}"))
    }

    fn ports(line: &str) -> String {
        good(line).ports.resolve().to_string()
    }

    #[test]
    fn targets_and_ports_are_read() {
        let found = good("sudo /usr/bin/nmap -sS -T4 -p 22,80,8000-8100,T:443 10.0.0.0/24 Web.Example.org 192.0.2.7");
        assert_eq!(found.addresses.to_string(), "10.0.0.0/24, 192.0.2.7");
        assert_eq!(found.host_names, ["web.example.org"]);
        assert_eq!(found.ports.resolve().to_string(), "22,80,443,8000-8100");
        let ignored: Vec<_> = found.ignored.iter().map(|ignored| ignored.what.as_str()).collect();
        assert_eq!(ignored, ["-sS", "-T4"]);
    }

    #[test]
    fn ports_have_nmaps_forms() {
        assert_eq!(ports("nmap -p- 192.0.2.1"), "1-65535");
        assert_eq!(ports("nmap -p-100,60000- 192.0.2.1"), "1-100,60000-65535");
        assert_eq!(ports("nmap -p22 192.0.2.1"), "22");
        assert_eq!(ports("nmap -pT:80,U:53 192.0.2.1"), "T:80,U:53");
        assert_eq!(ports("nmap -p 1-10 --exclude-ports 3-4 192.0.2.1"), "1-2,5-10");
        assert_eq!(good("nmap 192.0.2.1").ports, PortChoice::Top(1000));
        assert_eq!(good("nmap -F 192.0.2.1").ports, PortChoice::Top(100));
        assert_eq!(good("nmap --top-ports=20 192.0.2.1").ports, PortChoice::Top(20));
        assert_eq!(good("nmap -top-ports 20 192.0.2.1").ports, PortChoice::Top(20));
    }

    #[test]
    fn a_network_is_taken_around_an_address_and_less_is_taken_out() {
        let found = good("nmap 10.1.2.3/16 --exclude 10.1.0.0/17,10.1.128.5 --max-rate 300 -oA out --script default");
        assert_eq!(found.addresses.count(), 32_767);
        assert_eq!(found.max_rate, Some(300));
        let ignored: Vec<_> = found.ignored.iter().map(|ignored| ignored.what.as_str()).collect();
        assert_eq!(ignored, ["-oA out", "--script default"]);
    }

    #[test]
    fn every_word_that_cannot_be_read_is_named() {
        let bad = read_command("nmap -p 70000,http 10.0.0.256 -iL hosts.txt --exclude").expect_err("wrong");
        let tokens: Vec<_> = bad.iter().map(|bad| bad.token.as_str()).collect();
        assert_eq!(tokens, ["70000", "http", "10.0.0.256", "-iL", "--exclude"]);
        assert!(read_command("nmap").is_err());
        assert!(read_command("").is_err());
        assert!(read_command("nmap -Z 192.0.2.1").is_err());
        assert!(read_command("nmap scanme.example.org/28").is_err());
    }
}
