//! The report in nmap's XML (`nmap.dtd`, version 1.05), for the tools that read it.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Counts;
use mipo_protocol::part::Verdict;

use crate::cli::{ScanArgs, VERSION};
use crate::engine::Outcome;
use crate::engine::verdicts::reason;
use crate::services;

/// What is known of a host that answered.
#[derive(Debug, Default)]
struct Host {
    ports: BTreeMap<u16, Verdict>,
    /// Closed, filtered and failed ports that are not listed one by one.
    others: [u64; 3],
}

/// The report, kept until the end because XML is ordered by host.
#[derive(Debug)]
pub struct Report {
    arguments: String,
    ports: String,
    started_at: DateTime<Utc>,
    hosts: BTreeMap<IpAddr, Host>,
}

impl Report {
    /// An empty one.
    pub fn new(args: &ScanArgs, started_at: DateTime<Utc>) -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        Self { arguments: arguments.join(" "), ports: args.ports.clone(), started_at, hosts: BTreeMap::new() }
    }

    /// A verdict came. Hosts that never answer are counted as down and not kept.
    pub fn judged(&mut self, outcome: &Outcome, all: bool) {
        let silent = matches!(outcome.verdict, Verdict::Filtered | Verdict::Error);
        let host = match self.hosts.get_mut(&outcome.target.ip) {
            Some(host) => host,
            None if silent && !all => return,
            None => self.hosts.entry(outcome.target.ip).or_default(),
        };
        match outcome.verdict {
            Verdict::Open => {}
            _ if all => {}
            Verdict::Closed => return host.others[0] += 1,
            Verdict::Filtered => return host.others[1] += 1,
            Verdict::Error | Verdict::NotProbed => return host.others[2] += 1,
        }
        host.ports.insert(outcome.target.port, outcome.verdict);
    }

    /// Writes it.
    pub fn write(
        &self,
        out: &mut impl Write,
        counts: &Counts,
        elapsed: Duration,
        ended_at: DateTime<Utc>,
    ) -> std::io::Result<()> {
        let (start, end) = (self.started_at.timestamp(), ended_at.timestamp());
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE nmaprun>")?;
        writeln!(
            out,
            "<nmaprun scanner=\"mipo-scanner\" args=\"{}\" start=\"{start}\" startstr=\"{}\" version=\"{VERSION}\" \
             xmloutputversion=\"1.05\">",
            escape(&self.arguments),
            self.started_at.format("%a %b %e %H:%M:%S %Y"),
        )?;
        writeln!(
            out,
            "<scaninfo type=\"connect\" protocol=\"tcp\" numservices=\"{}\" services=\"{}\"/>",
            super::targets::ports(&self.ports).map_or(0, |ports| ports.count()),
            escape(&self.ports),
        )?;
        for (ip, host) in &self.hosts {
            write_host(out, *ip, host, start, end)?;
        }
        writeln!(
            out,
            "<runstats><finished time=\"{end}\" timestr=\"{}\" elapsed=\"{:.2}\" summary=\"{} open, {} closed, {} \
             filtered, {} error, {} not probed\" exit=\"success\"/><hosts up=\"{}\" down=\"0\" total=\"{}\"/></runstats>",
            ended_at.format("%a %b %e %H:%M:%S %Y"),
            elapsed.as_secs_f64(),
            counts.open,
            counts.closed,
            counts.filtered,
            counts.error,
            counts.not_probed,
            self.hosts.len(),
            self.hosts.len(),
        )?;
        writeln!(out, "</nmaprun>")
    }
}

fn write_host(out: &mut impl Write, ip: IpAddr, host: &Host, start: i64, end: i64) -> std::io::Result<()> {
    let family = if ip.is_ipv4() { "ipv4" } else { "ipv6" };
    writeln!(
        out,
        "<host starttime=\"{start}\" endtime=\"{end}\"><status state=\"up\" reason=\"user-set\" \
         reason_ttl=\"0\"/>\n<address addr=\"{ip}\" addrtype=\"{family}\"/>\n<hostnames/>\n<ports>"
    )?;
    for (count, verdict) in host.others.iter().zip([Verdict::Closed, Verdict::Filtered, Verdict::Error]) {
        if *count > 0 {
            let (state, reason) = (state(verdict), reason(verdict));
            writeln!(
                out,
                "<extraports state=\"{state}\" count=\"{count}\"><extrareasons reason=\"{reason}\" \
                 count=\"{count}\"/></extraports>"
            )?;
        }
    }
    for (port, verdict) in &host.ports {
        let service = services::name(*port)
            .map_or_else(String::new, |name| format!("<service name=\"{name}\" method=\"table\" conf=\"3\"/>"));
        writeln!(
            out,
            "<port protocol=\"tcp\" portid=\"{port}\"><state state=\"{}\" reason=\"{}\" \
             reason_ttl=\"0\"/>{service}</port>",
            state(*verdict),
            reason(*verdict),
        )?;
    }
    writeln!(out, "</ports>\n</host>")
}

/// nmap's word for a verdict; it has none for a fault of its own.
const fn state(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Error => "unknown",
        other => other.as_str(),
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            character if character.is_control() => {
                let _ = write!(escaped, "\u{fffd}");
            }
            character => escaped.push(character),
        }
    }
    escaped
}
