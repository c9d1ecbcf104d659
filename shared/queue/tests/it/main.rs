//! The queue on a real PostgreSQL.
mod attempts;
mod concurrency;
mod cron;
mod enqueue;
mod leases;
mod machine;
mod outage;
mod support;
mod upkeep;
