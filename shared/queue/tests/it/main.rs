//! The queue on a real PostgreSQL.
mod attempts;
mod concurrency;
mod cron;
mod enqueue;
mod faults;
mod leases;
mod line;
mod machine;
mod operators;
mod outage;
mod processes;
mod simulation;
mod support;
mod upgrade;
mod upkeep;
mod views;
