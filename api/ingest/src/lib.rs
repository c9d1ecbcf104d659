//! The scanner API (product 6.4): the only door through which scanners reach mipo.
//!
//! Nothing that comes in is trusted: keys are compared in constant time, bodies are bounded before and after they are
//! unpacked, every row is checked against the signed spec. Handlers read, call one use case of `mipo-app`, commit and
//! answer; a refusal is always one of the codes that `mipo_protocol::problem` lists.
mod announce;
mod answer;
mod bell;
mod body;
mod limits;
mod releases;
mod routes;
pub mod service;
mod source;
mod state;

pub use routes::router;
pub use state::{Ingest, Settings};
