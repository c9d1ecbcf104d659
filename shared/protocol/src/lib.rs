//! What scanner and server say to each other: product 6.4 and 7.4.
//!
//! Answers may grow: whoever reads one ignores fields that it does not know. Requests that carry results or
//! decide about a lease are read strictly, because a misspelled field there would silently mean "closed".
//! `golden/` holds examples that both sides are tested against.
pub mod messages;
pub mod part;
pub mod part_check;
pub mod problem;
pub mod release;
pub mod signature;
pub mod spec;
pub mod wire;
