//! Area Health: alarms and events.
pub mod alarms;
pub mod events;

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
}

/// The page of the thing that an alarm or event is about, where there is one.
pub fn entity_path(kind: &str, id: &str) -> Option<String> {
    match kind {
        "scanner" => Some(format!("/config/scanners/{id}")),
        "scan" => Some(format!("/scans/{id}")),
        _ => None,
    }
}
