//! A part: the results of a contiguous index range of one job (product 6.4).
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use mipo_domain::ports::{PortSet, Protocol};
use serde::{Deserialize, Serialize};

/// The verdict of everything that is not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DefaultState {
    /// RST.
    #[default]
    Closed,
    /// Silence or a prohibition.
    Filtered,
}

impl DefaultState {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Filtered => "filtered",
        }
    }

    /// The other of the two.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Closed => Self::Filtered,
            Self::Filtered => Self::Closed,
        }
    }
}

/// The verdict of one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// SYN-ACK.
    Open,
    /// RST.
    Closed,
    /// Silence or a prohibition.
    Filtered,
    /// A local cause.
    Error,
    /// Not reached.
    NotProbed,
}

impl Verdict {
    /// The word in SQL, API and GUI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Filtered => "filtered",
            Self::Error => "error",
            Self::NotProbed => "not_probed",
        }
    }
}

impl From<DefaultState> for Verdict {
    fn from(state: DefaultState) -> Self {
        match state {
            DefaultState::Closed => Self::Closed,
            DefaultState::Filtered => Self::Filtered,
        }
    }
}

/// An open port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenPort {
    /// The port.
    pub port: u16,
    /// Round-trip time.
    pub rtt_us: u32,
    /// Probes that it took.
    pub tries: u16,
    /// From a passive banner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// From a passive banner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it answered.
    pub at: DateTime<Utc>,
}

/// How the probes of one port voted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vote {
    /// The port.
    pub port: u16,
    /// Probes that found it open, …
    pub open: u16,
    /// … closed, …
    pub closed: u16,
    /// … filtered.
    pub filtered: u16,
}

/// A host with another default, an open port or an exception in the range of the part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PartHost {
    /// The address.
    pub ip: IpAddr,
    /// The protocol.
    pub protocol: Protocol,
    /// Only if not `closed`.
    #[serde(default, skip_serializing_if = "is_closed")]
    pub default_state: DefaultState,
    /// Open ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<OpenPort>,
    /// Ports with the opposite of the default.
    #[serde(default, skip_serializing_if = "PortSet::is_empty")]
    pub other: PortSet,
    /// Ports with a local error.
    #[serde(default, skip_serializing_if = "PortSet::is_empty")]
    pub error: PortSet,
    /// Ports that were not reached.
    #[serde(default, skip_serializing_if = "PortSet::is_empty")]
    pub not_probed: PortSet,
    /// Votes, in a confirm job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_closed(state: &DefaultState) -> bool {
    *state == DefaultState::Closed
}

impl PartHost {
    /// A host without anything to say yet.
    pub const fn new(ip: IpAddr, protocol: Protocol) -> Self {
        Self {
            ip,
            protocol,
            default_state: DefaultState::Closed,
            open: Vec::new(),
            other: PortSet::new(),
            error: PortSet::new(),
            not_probed: PortSet::new(),
            votes: Vec::new(),
        }
    }
}

/// The results of the indices `from_index` ≤ i < `to_index`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Part {
    /// The lease attempt that found them.
    pub lease_attempt: u32,
    /// From 0 in each attempt.
    pub seq: u32,
    /// First index.
    pub from_index: u64,
    /// The index after the last.
    pub to_index: u64,
    /// Always `closed`: hosts that are not listed.
    pub default_state: DefaultState,
    /// Hosts with something to say.
    pub hosts: Vec<PartHost>,
}

impl Part {
    /// The bytes that are hashed, spooled and sent.
    ///
    /// # Panics
    /// Never: a part has no maps and no floating point.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a part has string keys and whole numbers only")
    }

    /// Reads a part; the text of the error names the place.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
