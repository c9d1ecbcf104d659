//! What the server checks of a part before it believes it: never trust the scanner (product 6.4 Part, S15, S31).
use std::collections::HashSet;
use std::net::IpAddr;

use mipo_domain::exclusions::Exclusions;
use mipo_domain::ports::{PortSet, Protocol};
use mipo_domain::states::JobKind;
use mipo_domain::targets::{IndexSpace, Probe};

use crate::part::{DefaultState, Part, PartHost};
use crate::spec::Spec;

/// Longest service or version text.
pub const MAX_SERVICE_CHARACTERS: usize = 256;

/// What an accepted part adds to the counters of its job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartCounts {
    /// Indices with `open`, `closed`, `filtered` or `error`.
    pub attempted: u64,
    /// Indices with `error`.
    pub errors: u64,
    /// Indices with `not_probed`.
    pub not_probed: u64,
    /// Indices that an exclusion covers, whatever the part says about them.
    pub excluded: u64,
    /// Open ports.
    pub open: u64,
    /// Listed rows that were dropped because an exclusion covers them.
    pub dropped: u64,
}

/// Why a part is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartRefusal {
    /// A row outside the targets of the spec.
    #[error("{ip}{} lies outside the targets of the job", .port.map(|port| format!(" port {port}")).unwrap_or_default())]
    OutOfScope {
        /// The address of the row.
        ip: IpAddr,
        /// The port of the row, if it has one.
        port: Option<u16>,
    },
    /// Something else is wrong.
    #[error("{field}: {message}")]
    Invalid {
        /// Where, such as `hosts[3].open[0].port`.
        field: String,
        /// What would be right.
        message: String,
    },
}

fn invalid(field: impl Into<String>, message: impl Into<String>) -> PartRefusal {
    PartRefusal::Invalid { field: field.into(), message: message.into() }
}

/// Checks `part` against the spec and drops the rows that `exclusions` cover.
pub fn check(
    spec: &Spec,
    space: &IndexSpace,
    exclusions: &Exclusions,
    part: &mut Part,
) -> Result<PartCounts, PartRefusal> {
    if part.from_index >= part.to_index || part.to_index > space.count() {
        return Err(invalid("toIndex", format!("must be above fromIndex and at most {}", space.count())));
    }
    if part.default_state != DefaultState::Closed {
        return Err(invalid("defaultState", "must be closed; a filtered host is listed in hosts"));
    }
    let length = part.to_index - part.from_index;
    let mut seen: HashSet<(IpAddr, Protocol)> = HashSet::with_capacity(part.hosts.len());
    let mut listed: u64 = 0;
    for (n, host) in part.hosts.iter().enumerate() {
        if !space.has_host(host.ip, host.protocol) {
            return Err(PartRefusal::OutOfScope { ip: host.ip, port: None });
        }
        if !seen.insert((host.ip, host.protocol)) {
            return Err(invalid(format!("hosts[{n}].ip"), "is listed twice"));
        }
        listed += check_host(spec, space, part, n, host)?;
        if listed > length {
            return Err(invalid("hosts", "lists more ports than the part has indices"));
        }
    }
    let mut counts = PartCounts {
        excluded: space.excluded_between(&spec.targets, exclusions, part.from_index, part.to_index),
        ..PartCounts::default()
    };
    for host in &mut part.hosts {
        drop_excluded(exclusions, host, &mut counts);
        counts.errors += u64::from(host.error.count());
        counts.not_probed += u64::from(host.not_probed.count());
        counts.open += host.open.len() as u64;
    }
    counts.attempted = length - counts.excluded - counts.not_probed;
    Ok(counts)
}

/// Checks one host and says how many ports it lists.
fn check_host(spec: &Spec, space: &IndexSpace, part: &Part, n: usize, host: &PartHost) -> Result<u64, PartRefusal> {
    let in_range = |port: u16, field: &str| -> Result<(), PartRefusal> {
        match space.index_of(Probe { ip: host.ip, protocol: host.protocol, port }) {
            None => Err(PartRefusal::OutOfScope { ip: host.ip, port: Some(port) }),
            Some(index) if (part.from_index..part.to_index).contains(&index) => Ok(()),
            Some(index) => Err(invalid(
                format!("hosts[{n}].{field}"),
                format!("port {port} has index {index}, outside this part ({}..{})", part.from_index, part.to_index),
            )),
        }
    };
    for (m, open) in host.open.iter().enumerate() {
        in_range(open.port, "open")?;
        if open.tries == 0 {
            return Err(invalid(format!("hosts[{n}].open[{m}].tries"), "must be at least 1"));
        }
        for (field, text) in [("service", &open.service), ("version", &open.version)] {
            if text
                .as_ref()
                .is_some_and(|text| text.chars().count() > MAX_SERVICE_CHARACTERS || text.chars().any(char::is_control))
            {
                return Err(invalid(
                    format!("hosts[{n}].open[{m}].{field}"),
                    format!("must be at most {MAX_SERVICE_CHARACTERS} printable characters"),
                ));
            }
        }
    }
    let open: PortSet = host.open.iter().map(|open| open.port).collect();
    let mut union = open.clone();
    let mut sum = host.open.len() as u64;
    for (field, ports) in [("other", &host.other), ("error", &host.error), ("notProbed", &host.not_probed)] {
        for port in ports.iter() {
            in_range(port, field)?;
        }
        sum += u64::from(ports.count());
        union = union.union(ports);
    }
    if u64::from(union.count()) != sum {
        return Err(invalid(format!("hosts[{n}]"), "lists a port twice; each index has one verdict"));
    }
    if spec.kind == JobKind::Sweep && !host.votes.is_empty() {
        return Err(invalid(format!("hosts[{n}].votes"), "are for confirm jobs only"));
    }
    let most = spec.votes.map_or(0, |votes| votes.of);
    for (m, vote) in host.votes.iter().enumerate() {
        in_range(vote.port, "votes")?;
        if u32::from(vote.open) + u32::from(vote.closed) + u32::from(vote.filtered) > most {
            return Err(invalid(format!("hosts[{n}].votes[{m}]"), format!("must be at most {most} together")));
        }
    }
    Ok(sum)
}

fn drop_excluded(exclusions: &Exclusions, host: &mut PartHost, counts: &mut PartCounts) {
    if exclusions.is_empty() {
        return;
    }
    let (ip, protocol) = (host.ip, host.protocol);
    let covered = |port: u16| exclusions.covers(Probe { ip, protocol, port });
    let before = host.open.len() as u64 + u64::from(host.other.count() + host.error.count() + host.not_probed.count());
    host.open.retain(|open| !covered(open.port));
    host.votes.retain(|vote| !covered(vote.port));
    for ports in [&mut host.other, &mut host.error, &mut host.not_probed] {
        if ports.iter().any(covered) {
            *ports = ports.iter().filter(|port| !covered(*port)).collect();
        }
    }
    let after = host.open.len() as u64 + u64::from(host.other.count() + host.error.count() + host.not_probed.count());
    counts.dropped += before - after;
}
