//! Store functions against a real database.
mod live;
