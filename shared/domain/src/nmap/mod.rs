//! What people have scanned with nmap so far: its command lines and its XML, read into targets and ports.
//!
//! The meaning of options and target forms follows nmap's reference guide, "Target Specification" and "Port
//! Specification"; the elements of the XML follow its DTD.
mod command;
mod octets;
mod words;
mod xml;

use crate::address::IpSet;
use crate::port_names::{BuiltInPorts, frequent};
use crate::ports::Ports;

pub use command::read_command;
pub use xml::read_xml;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// Addresses, without those that were to be left out.
    pub addresses: IpSet,
    /// Host names, lower case, sorted.
    pub host_names: Vec<String>,
    /// Which ports.
    pub ports: PortChoice,
    /// Probes per second at most, if that was asked for.
    pub max_rate: Option<u32>,
    /// What has no counterpart here, in the order of its appearance.
    pub ignored: Vec<Ignored>,
}

/// Ports, or one of the built-in lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortChoice {
    /// These.
    Ports(Ports),
    /// So many of those that are open most often: the list `top-100` or `top-1000`, or a part of it.
    Top(u16),
}

impl PortChoice {
    /// The ports themselves.
    pub fn resolve(&self) -> Ports {
        match self {
            Self::Ports(ports) => ports.clone(),
            Self::Top(count) => Ports { tcp: frequent(usize::from(*count)), ..Ports::default() },
        }
    }

    /// The built-in list that holds exactly these, if there is one.
    pub fn built_in(&self) -> Option<BuiltInPorts> {
        let ports = self.resolve();
        BuiltInPorts::ALL.into_iter().find(|list| ports.udp.is_empty() && list.ports() == ports.tcp)
    }
}

impl Default for PortChoice {
    /// What nmap scans when nothing is said.
    fn default() -> Self {
        Self::Top(1000)
    }
}

/// An option that is left aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// As it was written.
    pub what: String,
    /// Why it has no meaning here.
    pub why: &'static str,
}

/// Something that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{token}`: {reason}")]
pub struct Unreadable {
    /// The word, or the element.
    pub token: String,
    /// What is wrong with it, and what would be right.
    pub reason: String,
}

impl Unreadable {
    fn new(token: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { token: token.into(), reason: reason.into() }
    }
}
