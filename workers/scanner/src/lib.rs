//! The remote scanner: probes what the server signed, and nothing else.
//!
//! [`engine`] turns targets into verdicts. [`scan`] is the stand-alone command, [`agent`] works for a server.
pub mod agent;
pub mod cli;
pub mod engine;
pub mod guard;
pub mod ledger;
pub mod scan;
pub mod services;
pub mod system;
