//! The dispatcher on a real PostgreSQL: its own life, and the road of a scan from its request to its receipt.
mod bulk;
mod calls;
mod giving_up;
mod job_errors;
mod leadership;
mod measures;
mod model;
mod passes;
mod repairs;
mod road;
mod schedules;
mod sources;
mod support;
mod traces;
mod upkeep;
mod world;
