//! `/api/config/discovery/lists`. Sources make and fill them by the discovery API.
mod delete;
mod details;
mod filter_values;
mod get;
mod history;
mod ips;
mod list;
mod update;

use chrono::{DateTime, Utc};
use mipo_app::discovery::DiscoveryList;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::api::common::NamedAnswer;
use crate::state::App;

/// A discovery list: addresses that a source pushes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DiscoveryList)]
pub struct DiscoveryListAnswer {
    id: Uuid,
    name: String,
    /// Whose it is.
    source: NamedAnswer,
    /// The scanner that scans it, unless a group does.
    scanner: Option<NamedAnswer>,
    /// The scanner group whose members scan it.
    scanner_group: Option<NamedAnswer>,
    /// Probes per second over all its scanners, 0 = no limit.
    rate_limit: i32,
    ip_count: i32,
    /// When addresses were last pushed to it.
    last_push_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Counts edits.
    version: i32,
}

impl From<DiscoveryList> for DiscoveryListAnswer {
    fn from(list: DiscoveryList) -> Self {
        Self {
            id: list.id.as_uuid(),
            name: list.name,
            source: list.source.0.into(),
            scanner: list.scanner.map(|scanner| scanner.0.into()),
            scanner_group: list.scanner_group.map(|group| group.0.into()),
            rate_limit: list.rate_limit,
            ip_count: list.ip_count,
            last_push_at: list.last_push_at,
            created_at: list.created_at,
            updated_at: list.updated_at,
            version: list.version,
        }
    }
}

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(filter_values::filter_values))
        .routes(routes!(get::get))
        .routes(routes!(update::update))
        .routes(routes!(delete::delete))
        .routes(routes!(history::history))
        .routes(routes!(details::details))
        .routes(routes!(ips::ips))
}
