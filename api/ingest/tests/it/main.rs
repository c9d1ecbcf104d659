//! The scanner API and the discovery API against the real router and a real PostgreSQL, connected as role `mipo_ingest`.
mod discovery;
mod golden;
mod identity;
mod jobs;
mod refusals;
mod releases;
mod results;
mod stolen_key;
mod world;
