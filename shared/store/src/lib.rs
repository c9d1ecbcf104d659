//! All SQL of mipo but the queue's: a module a noun, grouped by schema.
//!
//! Functions take the caller's open transaction ([`Conn`]) and never commit. They know rows and constraints, not
//! rights: who may do what is decided in `mipo-app`.
mod db;
mod error;
mod ranges;

pub mod checks;
pub mod config;
pub mod jobs;
pub mod leadership;
pub mod lists;
pub mod migrate;
pub mod results;

pub use db::{Db, Tx};
pub use error::StoreError;

/// The connection inside an open transaction.
pub type Conn = sqlx::PgConnection;
