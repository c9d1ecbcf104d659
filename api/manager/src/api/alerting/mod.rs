//! `/api/health/alerting/*`: alarms and system events.
mod acknowledge;
mod alarms;
mod count;
mod events;
mod filter_values;
mod resolve;

use mipo_store::lists::Ask;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::lists::{Columns, ListQuery};
use crate::state::App;

const SEVERITIES: &[&str] = &["critical", "high", "warning", "info"];

/// What the list of alarms can be asked.
pub const ALARM_COLUMNS: Columns = Columns {
    sort: &["severity", "state", "entity", "summary", "count", "age", "firstSeen", "lastBump", "rule"],
    filters: &["severity", "state", "rule", "entityType"],
    default_sort: "state,severity,-lastBump",
    words: &[("severity", SEVERITIES), ("state", &["open", "acknowledged", "resolved"])],
};

/// What the list of events can be asked.
pub const EVENT_COLUMNS: Columns = Columns {
    sort: &["time", "source", "type", "severity", "entity", "summary"],
    filters: &["source", "type", "severity", "entityType", "entityId"],
    default_sort: "-time",
    words: &[("source", &["ingest", "dispatcher", "manager", "backup"]), ("severity", SEVERITIES)],
};

/// What is asked of the store.
pub fn ask(query: &ListQuery) -> Ask {
    Ask {
        limit: query.limit(),
        offset: query.offset(),
        sort: query.sort.clone(),
        q: query.q.clone(),
        filters: query.filters.clone(),
    }
}

/// Why an alarm is moved.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmNote {
    /// For those who look later; at most 2,000 characters.
    #[serde(default)]
    note: String,
}

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(alarms::list))
        .routes(routes!(alarms::get))
        .routes(routes!(count::count))
        .routes(routes!(filter_values::alarms))
        .routes(routes!(filter_values::events))
        .routes(routes!(acknowledge::acknowledge))
        .routes(routes!(resolve::resolve))
        .routes(routes!(events::list))
}
