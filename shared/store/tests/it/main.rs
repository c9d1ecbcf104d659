//! Store functions against a real database.
mod begin;
mod live;
mod moves;
mod roles;
mod rules;
