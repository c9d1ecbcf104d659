//! Steps 7 and 9: the results of an ended job become coverage, state, changes and a receipt; the last one ends its scan
//! (product 7.1 Concluding, 7.9, 8).
mod job;
mod proof;
mod scan;

pub use job::{Concluded, conclude_job, learn_speed};
pub use scan::{ScanConcluded, conclude_scan};
