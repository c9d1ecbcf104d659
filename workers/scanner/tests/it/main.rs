//! The scanner against real listeners, and its agent against a small server that speaks the protocol.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod agent;
mod command;
mod coverage;
mod faults;
mod few_files;
mod golden;
mod listeners;
mod server;
mod truth;
