//! What people look at: reads that name their right and bring together what one page or one answer shows.
pub mod findings;
pub mod home;
pub mod scans;
