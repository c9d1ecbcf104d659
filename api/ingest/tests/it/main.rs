//! The scanner API against the real router and a real PostgreSQL, connected as role `mipo_ingest`.
mod identity;
mod jobs;
mod refusals;
mod releases;
mod results;
mod world;
