//! Who is asking, and with what clock and chance.
use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use mipo_domain::clock::Clock;
use mipo_domain::entropy::Entropy;
use mipo_domain::ids::{RequestId, ScannerId, UserId};
use mipo_domain::rights::{Right, Rights};

use crate::error::AppError;

/// How long a step-up (password or TOTP) counts, product section 12.
pub const STEP_UP_MINUTES: i64 = 5;

/// Who acts. Stored in the audit chain as `actor` and `actor_type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in person.
    User {
        /// Their id.
        id: UserId,
        /// Their user name, as it was at the time.
        username: String,
    },
    /// Somebody with a shell on the host.
    Cli,
    /// A scanner, by its key.
    Scanner {
        /// Its id.
        id: ScannerId,
        /// Its name, as it was at the time.
        name: String,
    },
    /// A discovery source, by its key.
    Source {
        /// Its name, as it was at the time.
        name: String,
    },
    /// A service of mipo itself, by its name.
    System(&'static str),
}

impl Actor {
    /// The word stored as `actor_type`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::Cli => "cli",
            Self::Scanner { .. } => "scanner",
            Self::Source { .. } | Self::System(_) => "system",
        }
    }

    /// The text stored as `actor`.
    pub fn name(&self) -> &str {
        match self {
            Self::User { username, .. } => username,
            Self::Cli => "cli",
            Self::Scanner { name, .. } | Self::Source { name } => name,
            Self::System(name) => name,
        }
    }
}

/// Who is asking, what they may do, and where they ask from.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who acts.
    pub actor: Actor,
    /// The union of the rights of their roles, read for this request.
    pub rights: Rights,
    /// The owner bypasses rights.
    pub is_owner: bool,
    /// Where the request came from.
    pub ip: Option<IpAddr>,
    /// The request, for the audit row and the log.
    pub request_id: Option<RequestId>,
    /// When the password was last given again.
    pub reauth_at: Option<DateTime<Utc>>,
}

impl Caller {
    /// A service of mipo, which may do what its code does.
    pub const fn system(service: &'static str) -> Self {
        Self {
            actor: Actor::System(service),
            rights: Rights::new(),
            is_owner: true,
            ip: None,
            request_id: None,
            reauth_at: None,
        }
    }

    /// Somebody with a shell on the host: may do everything, and is audited as `cli`.
    pub const fn cli() -> Self {
        Self { actor: Actor::Cli, rights: Rights::new(), is_owner: true, ip: None, request_id: None, reauth_at: None }
    }

    /// True when the caller has `right`.
    pub fn may(&self, right: Right) -> bool {
        self.is_owner || self.rights.contains(&right)
    }

    /// The user's id, if a person asks.
    pub const fn user_id(&self) -> Option<UserId> {
        match self.actor {
            Actor::User { id, .. } => Some(id),
            _ => None,
        }
    }
}

/// What every use case is given besides its input.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    /// Who is asking.
    pub caller: &'a Caller,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Chance, for ids and secrets.
    pub entropy: &'a dyn Entropy,
}

impl Ctx<'_> {
    /// The current instant.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Refuses unless the caller has `right`.
    pub fn require(&self, right: Right) -> Result<(), AppError> {
        if self.caller.may(right) { Ok(()) } else { Err(AppError::Forbidden(right)) }
    }

    /// Refuses unless the password was given again within the last [`STEP_UP_MINUTES`]. Services and the command
    /// line need none.
    pub fn require_step_up(&self) -> Result<(), AppError> {
        if self.caller.user_id().is_none() {
            return Ok(());
        }
        match self.caller.reauth_at {
            Some(at) if self.now() - at <= Duration::minutes(STEP_UP_MINUTES) => Ok(()),
            _ => Err(AppError::ReauthRequired),
        }
    }
}
