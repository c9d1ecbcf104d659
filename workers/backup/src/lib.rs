//! Dump, verify, upload, prune, restore. Until a recipient exists backups are off, and the service says so.
mod http;
pub mod service;
mod status;
