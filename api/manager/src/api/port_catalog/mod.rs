//! `/api/config/port-catalog`: named ports to put into port lists.
mod clone;
mod create;
mod delete;
mod details;
mod filter_values;
mod get;
mod history;
mod list;
mod update;

use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::port_catalog::{self, Entry, EntryPatch, NewEntry};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::common::IfMatch;
use crate::state::App;

/// An entry of the port catalog.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PortCatalogEntry)]
pub struct CatalogAnswer {
    id: Uuid,
    name: String,
    description: String,
    /// As a port list is written.
    #[schema(example = "22,80,8000-8100")]
    ports: String,
    /// TCP ports, each once.
    tcp_count: u32,
    /// UDP ports, which are not scanned.
    udp_count: u32,
    /// Where name and ports are known from.
    sources: Vec<String>,
    built_in: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Counts edits.
    version: i32,
}

impl CatalogAnswer {
    fn of(entry: Entry) -> Result<Self, AppError> {
        let ports = port_catalog::ports_of(&entry)?;
        Ok(Self {
            id: entry.id.as_uuid(),
            name: entry.name,
            description: entry.description,
            tcp_count: ports.tcp.count(),
            udp_count: ports.udp.count(),
            ports: ports.to_string(),
            sources: entry.sources,
            built_in: entry.built_in,
            created_at: entry.created_at,
            updated_at: entry.updated_at,
            version: entry.version,
        })
    }
}

/// A new entry of the port catalog.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewPortCatalogEntry)]
pub struct NewCatalogBody {
    /// 1 to 64 characters of `[A-Za-z0-9_-]`.
    name: String,
    #[serde(default)]
    description: String,
    /// Numbers and ranges; `53/udp` or `U:53` is kept but not scanned.
    #[schema(example = "22, 80, 8000-8100")]
    ports: String,
    /// Where name and ports are known from; at most 20 texts of 200 characters.
    #[serde(default)]
    sources: Vec<String>,
}

impl From<NewCatalogBody> for NewEntry {
    fn from(body: NewCatalogBody) -> Self {
        Self { name: body.name, description: body.description, ports: body.ports, sources: body.sources }
    }
}

/// What is to change of an entry of the port catalog.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PortCatalogEntryPatch)]
pub struct CatalogPatchBody {
    /// The version that is edited; else `If-Match`.
    version: Option<i32>,
    name: Option<String>,
    description: Option<String>,
    ports: Option<String>,
    sources: Option<Vec<String>>,
}

impl CatalogPatchBody {
    fn patch(self, if_match: IfMatch) -> Result<EntryPatch, AppError> {
        Ok(EntryPatch {
            version: if_match.or(self.version)?,
            name: self.name,
            description: self.description,
            ports: self.ports,
            sources: self.sources,
        })
    }
}

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(create::create))
        .routes(routes!(filter_values::filter_values))
        .routes(routes!(get::get))
        .routes(routes!(update::update))
        .routes(routes!(delete::delete))
        .routes(routes!(clone::clone))
        .routes(routes!(history::history))
        .routes(routes!(details::details))
}
