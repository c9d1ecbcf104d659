//! Schema `jobs`: scan jobs, parts, job errors. The queue's tables belong to `mipo-queue`.
pub mod job_errors;
pub mod job_hosts;
pub mod job_repairs;
pub mod lapses;
pub mod leases;
pub mod scan_jobs;
pub mod scope_cuts;
pub mod unstored_parts;
pub mod uploads;
