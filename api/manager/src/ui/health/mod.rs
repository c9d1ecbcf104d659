//! Area Health: alarms, events, job errors.
pub mod alarms;
pub mod bulk_repair;
pub mod events;
pub mod job_errors;

use axum::Router;
use axum::routing::{get, post};

use crate::state::App;

/// Services that events come from.
pub(crate) const SOURCES: &[(&str, &str)] =
    &[("ingest", "Ingest"), ("dispatcher", "Dispatcher"), ("manager", "Manager"), ("backup", "Backup")];

/// The pages.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/health/alerting/alarms", get(alarms::page))
        .route("/health/alerting/alarms/{id}", get(alarms::detail))
        .route("/health/alerting/alarms/{id}/acknowledge", post(alarms::acknowledge))
        .route("/health/alerting/alarms/{id}/resolve", post(alarms::resolve))
        .route("/health/alerting/events", get(events::page))
        .route("/health/job-errors", get(job_errors::page))
        .route("/health/job-errors/bulk-repair", get(bulk_repair::page).post(bulk_repair::start))
        .route("/health/job-errors/{id}", get(job_errors::detail))
        .route("/health/job-errors/{id}/repair", post(job_errors::repair))
}

/// The page of the thing that an alarm or event is about, where there is one.
pub fn entity_path(kind: &str, id: &str) -> Option<String> {
    match kind {
        "scanner" => Some(format!("/config/scanners/{id}")),
        "scan" => Some(format!("/scans/{id}")),
        "job-error" => {
            let (class, scanner) = id.split_once(':')?;
            Some(format!("/health/job-errors?class={class}&scannerId={scanner}"))
        }
        _ => None,
    }
}
