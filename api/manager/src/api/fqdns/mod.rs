//! `/api/config/fqdns`
mod clone;
mod create;
mod delete;
mod details;
mod filter_values;
mod get;
mod history;
mod list;
pub(crate) mod resolve;
mod update;

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::assignments::Assignment;
use mipo_app::fqdns::{AssignmentPatch, Fqdn, FqdnPatch, NewFqdn};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::common::{IfMatch, NamedAnswer, named};
use crate::state::App;

/// An FQDN: a host name that is resolved when a scan is planned.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Fqdn)]
pub struct FqdnAnswer {
    id: Uuid,
    name: String,
    #[schema(example = "www.example.org")]
    hostname: String,
    description: String,
    /// Networks in which its addresses must lie; empty = anywhere.
    #[schema(value_type = Vec<String>)]
    allowed_cidrs: Vec<ipnet::IpNet>,
    /// Probes per second over all its scanners, 0 = no limit.
    rate_limit: i32,
    /// The addresses that it had when it was last resolved.
    #[schema(value_type = Vec<String>)]
    last_resolved: Vec<IpAddr>,
    /// When that was; `null` = never.
    last_resolved_at: Option<DateTime<Utc>>,
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

impl From<Fqdn> for FqdnAnswer {
    fn from(fqdn: Fqdn) -> Self {
        Self {
            id: fqdn.id.as_uuid(),
            scanners: named(&fqdn.scanners),
            scanner_groups: named(&fqdn.scanner_groups),
            name: fqdn.name,
            hostname: fqdn.hostname,
            description: fqdn.description,
            allowed_cidrs: fqdn.allowed_cidrs,
            rate_limit: fqdn.rate_limit,
            last_resolved: fqdn.last_resolved.0,
            last_resolved_at: fqdn.last_resolved_at,
            built_in: fqdn.built_in,
            created_at: fqdn.created_at,
            updated_at: fqdn.updated_at,
            version: fqdn.version,
        }
    }
}

/// A new FQDN.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewFqdn)]
pub struct NewFqdnBody {
    /// 1 to 64 characters of `[A-Za-z0-9_-]`.
    name: String,
    /// What is resolved.
    #[schema(example = "www.example.org")]
    hostname: String,
    #[serde(default)]
    description: String,
    /// Networks in which its addresses must lie, at most 64; empty = anywhere.
    #[serde(default)]
    allowed_cidrs: Vec<String>,
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

impl From<NewFqdnBody> for NewFqdn {
    fn from(body: NewFqdnBody) -> Self {
        Self {
            name: body.name,
            hostname: body.hostname,
            description: body.description,
            allowed_cidrs: body.allowed_cidrs,
            rate_limit: body.rate_limit,
            assignment: Assignment { scanners: body.scanner_ids, groups: body.scanner_group_ids },
        }
    }
}

/// What is to change of an FQDN.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = FqdnPatch)]
pub struct FqdnPatchBody {
    /// The version that is edited; else `If-Match`.
    version: Option<i32>,
    name: Option<String>,
    hostname: Option<String>,
    description: Option<String>,
    allowed_cidrs: Option<Vec<String>>,
    rate_limit: Option<i64>,
    /// All scanners that are to scan it; an empty list takes every one away.
    scanner_ids: Option<Vec<Uuid>>,
    /// All scanner groups whose members are to scan it.
    scanner_group_ids: Option<Vec<Uuid>>,
}

impl FqdnPatchBody {
    fn patch(self, if_match: IfMatch) -> Result<FqdnPatch, AppError> {
        Ok(FqdnPatch {
            version: if_match.or(self.version)?,
            name: self.name,
            hostname: self.hostname,
            description: self.description,
            allowed_cidrs: self.allowed_cidrs,
            rate_limit: self.rate_limit,
            assignment: AssignmentPatch { scanners: self.scanner_ids, groups: self.scanner_group_ids },
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
        .routes(routes!(resolve::resolve))
}
