//! The manager's router against a real database: what a person or a script gets.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;
mod world;

mod alarms;
mod audit_chain;
mod bodies;
mod config;
mod csrf;
mod headers;
mod idempotency;
mod job_errors;
mod lists;
mod live;
mod login;
mod ops;
mod owner_reset;
mod page_rights;
mod pages;
mod profile;
mod rights;
mod sampler;
mod scans;
mod sessions;
mod setup;
mod shell;
mod throttle;
