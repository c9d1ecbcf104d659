//! Store functions against a real database.
mod live;
mod roles;
mod rules;
