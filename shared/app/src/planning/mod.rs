//! Step 2: a requested scan becomes signed jobs (product 7.2 to 7.4). In three parts, because names are resolved
//! outside any transaction: [`load`] reads one snapshot, [`resolve`] asks the resolver, [`write()`] freezes the scope.
mod give_up;
mod inputs;
mod load;
mod resolve;
mod sign;
mod write;

use chrono::Duration;

pub use give_up::give_up;
pub(crate) use inputs::addresses_of;
pub use load::{Draft, load};
pub use resolve::{Resolved, resolve};
pub use sign::{sign_anew, sign_anew_due};
pub use write::{Planned, write};

/// The limits of the configuration that steer a plan.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// `MAX_TARGET_IPS`
    pub max_target_ips: u64,
    /// `MAX_PROBES_PER_SCAN`
    pub max_probes_per_scan: u64,
    /// `FLEET_MAX_PPS_PER_HOST`, 0 = unlimited
    pub fleet_max_pps_per_host: u32,
    /// `MIPO_ENV=development`: loopback targets know no fleet cap.
    pub development: bool,
    /// `MAX_JOB_AGE_MINUTES`: the life of a signature.
    pub max_job_age: Duration,
}
