//! Store functions against a real database.
mod live;
mod moves;
mod roles;
mod rules;
