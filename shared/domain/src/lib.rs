//! Pure types and rules of mipo.
//!
//! No I/O happens here: no database, no network, no file, no clock and no chance of its own. Time and randomness
//! come in as arguments ([`clock::Clock`], [`entropy::Entropy`]), so that every rule can be tested with chosen ones.
pub mod address;
pub mod audit;
pub mod calendar;
pub mod canonical_json;
pub mod clock;
pub mod comparison;
pub mod coverage;
pub mod entropy;
pub mod exclusions;
pub mod hash;
pub mod host_names;
pub mod ids;
pub mod intervals;
pub mod job_errors;
pub mod names;
pub mod open_set;
pub mod passwords;
pub mod permutation;
pub mod planner;
pub mod port_catalog;
pub mod port_names;
pub mod ports;
pub mod receipt;
pub mod rights;
pub mod sealing;
pub mod secrets;
pub mod states;
pub mod targets;
pub mod trace;
pub mod versions;
pub mod waiting;
