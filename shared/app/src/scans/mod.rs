//! Scans: start, pause, resume, cancel (product 7.1 step 1, 7.5).
mod adhoc;
mod control;
mod request;
mod start;

pub use adhoc::AdHoc;
pub(crate) use control::{OPERATOR, cancel_idle_jobs};
pub use control::{cancel, cancel_forgotten, pause, resume};
pub(crate) use request::{Request, request};
pub use start::{StartScan, What, start};

use mipo_domain::ids::ScanId;
use mipo_store::Conn;
use mipo_store::config::live;

use crate::AppError;

/// The longest reason that is kept.
pub(crate) const REASON_LENGTH: usize = 2000;

/// Wakes the pages that show the scan: its row in lists, and its own page.
pub(crate) async fn touched(conn: &mut Conn, id: ScanId) -> Result<(), AppError> {
    live::emit(conn, live::topics::SCANS, &id.to_string()).await?;
    Ok(())
}

/// Refuses a reason that cannot be kept: too long, or with characters that are no text.
pub(crate) fn check_reason(reason: &str) -> Result<(), AppError> {
    if reason.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(AppError::invalid("reason", "charset", "Write text without control characters."));
    }
    if reason.chars().count() > REASON_LENGTH {
        return Err(AppError::invalid("reason", "too_long", format!("Write at most {REASON_LENGTH} characters.")));
    }
    Ok(())
}
