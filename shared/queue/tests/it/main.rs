//! The queue on a real PostgreSQL.
mod attempts;
mod concurrency;
mod cron;
mod enqueue;
mod leases;
mod line;
mod machine;
mod operators;
mod outage;
mod simulation;
mod support;
mod upkeep;
