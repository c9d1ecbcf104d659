//! `/api/config/port-lists`
mod clone;
mod create;
mod delete;
mod details;
mod filter_values;
mod get;
mod history;
mod list;
mod parse;
mod update;

use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::port_lists::{self, NewPortList, PortList, PortListPatch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::common::{IfMatch, NamedAnswer, named};
use crate::state::App;

/// A port list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PortList)]
pub struct PortListAnswer {
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
    /// Probes per second where it is used, 0 = no limit.
    rate_limit: i32,
    /// Entries of the port catalog whose ports were imported into it.
    catalog_imports: Vec<NamedAnswer>,
    built_in: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Counts edits.
    version: i32,
}

impl PortListAnswer {
    fn of(list: PortList) -> Result<Self, AppError> {
        let ports = port_lists::ports_of(&list)?;
        Ok(Self {
            id: list.id.as_uuid(),
            name: list.name,
            description: list.description,
            tcp_count: ports.tcp.count(),
            udp_count: ports.udp.count(),
            ports: ports.to_string(),
            rate_limit: list.rate_limit,
            catalog_imports: named(&list.catalog_imports),
            built_in: list.built_in,
            created_at: list.created_at,
            updated_at: list.updated_at,
            version: list.version,
        })
    }
}

/// A new port list.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewPortList)]
pub struct NewPortListBody {
    /// 1 to 64 characters of `[A-Za-z0-9_-]`.
    name: String,
    #[serde(default)]
    description: String,
    /// Numbers and ranges; `53/udp` or `U:53` is kept but not scanned. May be empty when there are `catalogImports`.
    #[schema(example = "22, 80, 8000-8100")]
    #[serde(default)]
    ports: String,
    /// Ids of entries of the port catalog whose ports are added; they are remembered.
    #[serde(default)]
    catalog_imports: Vec<Uuid>,
    /// Probes per second, 0 to 100,000; 0 = no limit.
    #[serde(default)]
    rate_limit: i64,
}

impl From<NewPortListBody> for NewPortList {
    fn from(body: NewPortListBody) -> Self {
        Self {
            name: body.name,
            description: body.description,
            ports: body.ports,
            rate_limit: body.rate_limit,
            catalog_imports: body.catalog_imports,
        }
    }
}

/// What is to change of a port list.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PortListPatch)]
pub struct PortListPatchBody {
    /// The version that is edited; else `If-Match`.
    version: Option<i32>,
    name: Option<String>,
    description: Option<String>,
    ports: Option<String>,
    rate_limit: Option<i64>,
    /// Every entry of the port catalog that is remembered from now on: the ports of new ones are added, those of ones
    /// that are left out stay.
    catalog_imports: Option<Vec<Uuid>>,
}

impl PortListPatchBody {
    fn patch(self, if_match: IfMatch) -> Result<PortListPatch, AppError> {
        Ok(PortListPatch {
            version: if_match.or(self.version)?,
            name: self.name,
            description: self.description,
            ports: self.ports,
            rate_limit: self.rate_limit,
            catalog_imports: self.catalog_imports,
        })
    }
}

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(create::create))
        .routes(routes!(filter_values::filter_values))
        .routes(routes!(parse::parse))
        .routes(routes!(get::get))
        .routes(routes!(update::update))
        .routes(routes!(delete::delete))
        .routes(routes!(clone::clone))
        .routes(routes!(history::history))
        .routes(routes!(details::details))
}
