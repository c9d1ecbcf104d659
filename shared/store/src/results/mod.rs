//! Schema `results`: state, changes, coverage, scans, receipts.
pub mod change_views;
pub mod changes;
pub mod coverage;
pub mod current;
pub mod filter_values;
pub mod findings;
pub mod glance;
pub mod job_views;
pub mod observations;
pub mod partitions;
pub mod port_sets;
pub mod receipts;
pub mod scan_views;
pub mod scans;
