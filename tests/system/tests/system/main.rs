//! The whole house: real binaries, a PostgreSQL with fsync on, real listeners, and faults.
//!
//! The binaries are those of the same build (`cargo build --workspace --bins` first; `make test` does).
mod commands;
mod controls;
mod faults;
mod listeners;
mod processes;
mod stack;
mod trial;
