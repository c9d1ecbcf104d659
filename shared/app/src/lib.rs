//! Use cases by noun: what the product does.
//!
//! A use case takes the caller's open transaction, who is asking and with what clock ([`ctx::Ctx`]), and its input.
//! It names its right first. One transaction holds the fact, its live event, its task and, last, its audit row; the
//! caller commits. No HTTP and no HTML here.
pub mod alarms;
pub mod assignments;
pub mod audit;
pub mod blackouts;
pub mod builtins;
pub mod concluding;
pub mod ctx;
pub mod error;
pub mod events;
pub mod exclusions;
mod fields;
pub mod fqdns;
pub mod groups;
pub mod history;
pub mod leases;
pub mod login;
pub mod me;
pub mod ops;
pub mod owner;
pub mod passwords;
pub mod planning;
pub mod port_catalog;
pub mod port_lists;
pub mod refusal;
pub mod results;
pub mod scanner_calls;
pub mod scanners;
pub mod scans;
pub mod schedules;
pub mod seeds;
pub mod sessions;
pub mod setup;
pub mod signing;
pub mod subnets;
pub mod template_summary;
pub mod templates;
pub mod throttle;
mod trace;
pub mod upkeep;
pub mod views;

pub use ctx::{Actor, Caller, Ctx};
pub use error::{AppError, FieldError};
pub use mipo_store::lists::{Ask, Found, Named};
