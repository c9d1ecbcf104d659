//! `/api/config/subnets`
mod clone;
mod create;
mod delete;
mod details;
mod filter_values;
mod get;
mod history;
mod list;
mod scanners;
mod update;

use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::assignments::Assignment;
use mipo_app::subnets::{self, NewSubnet, Subnet, SubnetPatch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::common::{IfMatch, NamedAnswer, count, named};
use crate::state::App;

/// A subnet.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Subnet)]
pub struct SubnetAnswer {
    id: Uuid,
    name: String,
    #[schema(example = "192.0.2.0/24")]
    cidr: String,
    description: String,
    /// Probes per second over all its scanners, 0 = no limit.
    rate_limit: i32,
    /// Addresses; `null` when there are more than 2^53.
    ip_count: Option<u64>,
    /// Scanners that scan it.
    scanners: Vec<NamedAnswer>,
    /// Scanner groups whose members scan it.
    scanner_groups: Vec<NamedAnswer>,
    built_in: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Counts edits.
    version: i32,
}

impl From<Subnet> for SubnetAnswer {
    fn from(subnet: Subnet) -> Self {
        Self {
            id: subnet.id.as_uuid(),
            cidr: subnet.cidr.to_string(),
            ip_count: count(subnets::ip_count(subnet.cidr)),
            scanners: named(&subnet.scanners),
            scanner_groups: named(&subnet.scanner_groups),
            name: subnet.name,
            description: subnet.description,
            rate_limit: subnet.rate_limit,
            built_in: subnet.built_in,
            created_at: subnet.created_at,
            updated_at: subnet.updated_at,
            version: subnet.version,
        }
    }
}

/// A new subnet.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSubnet)]
pub struct NewSubnetBody {
    /// 1 to 64 characters of `[A-Za-z0-9_-]`.
    name: String,
    /// A network with the host bits zero, or one address.
    #[schema(example = "192.0.2.0/24")]
    cidr: String,
    #[serde(default)]
    description: String,
    /// Probes per second, 0 to 100,000; 0 = no limit.
    #[serde(default)]
    rate_limit: i64,
    /// Scanners that scan it.
    #[serde(default)]
    scanner_ids: Vec<Uuid>,
    /// Scanner groups whose members scan it.
    #[serde(default)]
    scanner_group_ids: Vec<Uuid>,
}

impl From<NewSubnetBody> for NewSubnet {
    fn from(body: NewSubnetBody) -> Self {
        Self {
            name: body.name,
            cidr: body.cidr,
            description: body.description,
            rate_limit: body.rate_limit,
            assignment: Assignment { scanners: body.scanner_ids, groups: body.scanner_group_ids },
        }
    }
}

/// What is to change of a subnet.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SubnetPatch)]
pub struct SubnetPatchBody {
    /// The version that is edited; else `If-Match`.
    version: Option<i32>,
    name: Option<String>,
    cidr: Option<String>,
    description: Option<String>,
    rate_limit: Option<i64>,
}

impl SubnetPatchBody {
    fn patch(self, if_match: IfMatch) -> Result<SubnetPatch, AppError> {
        Ok(SubnetPatch {
            version: if_match.or(self.version)?,
            name: self.name,
            cidr: self.cidr,
            description: self.description,
            rate_limit: self.rate_limit,
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
        .routes(routes!(scanners::assign))
}
