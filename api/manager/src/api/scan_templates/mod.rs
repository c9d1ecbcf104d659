//! `/api/config/scan-templates`
mod clone;
mod create;
mod delete;
mod details;
mod filter_values;
mod get;
mod history;
mod list;
mod summary;
mod update;

use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::template_summary::Summary;
use mipo_app::templates::{NewTemplate, ScanTemplate, Sources, TemplatePatch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::common::{IfMatch, NamedAnswer, count, named};
use crate::state::App;

/// A scan template.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScanTemplate)]
pub struct ScanTemplateAnswer {
    id: Uuid,
    name: String,
    description: String,
    /// Subnets that it scans.
    subnets: Vec<NamedAnswer>,
    /// Port lists that it scans them for.
    port_lists: Vec<NamedAnswer>,
    /// Addresses, each once, less what is excluded; `null` when there are more than 2^53.
    ips: Option<u64>,
    /// TCP ports, each once.
    ports: u32,
    /// Addresses × ports, less what is excluded; `null` when there are more than 2^53.
    probes: Option<u64>,
    built_in: bool,
    created_by: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Counts edits.
    version: i32,
}

impl ScanTemplateAnswer {
    fn of(template: ScanTemplate, summary: &Summary) -> Self {
        Self {
            id: template.id.as_uuid(),
            subnets: named(&template.subnets),
            port_lists: named(&template.port_lists),
            name: template.name,
            description: template.description,
            ips: count(summary.ips),
            ports: summary.ports,
            probes: count(summary.probes),
            built_in: template.built_in,
            created_by: template.created_by,
            created_at: template.created_at,
            updated_at: template.updated_at,
            version: template.version,
        }
    }
}

/// Targets and ports of a template, by ids. This version scans subnets and port lists; the others are refused.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourcesBody {
    #[serde(default)]
    subnet_ids: Vec<Uuid>,
    /// Not in this version.
    #[serde(default)]
    subnet_group_ids: Vec<Uuid>,
    /// Not in this version.
    #[serde(default)]
    fqdn_ids: Vec<Uuid>,
    /// Not in this version.
    #[serde(default)]
    fqdn_group_ids: Vec<Uuid>,
    /// Not in this version.
    #[serde(default)]
    discovery_list_ids: Vec<Uuid>,
    #[serde(default)]
    port_list_ids: Vec<Uuid>,
    /// Not in this version.
    #[serde(default)]
    port_list_group_ids: Vec<Uuid>,
}

impl From<SourcesBody> for Sources {
    fn from(body: SourcesBody) -> Self {
        Self {
            subnets: body.subnet_ids,
            subnet_groups: body.subnet_group_ids,
            fqdns: body.fqdn_ids,
            fqdn_groups: body.fqdn_group_ids,
            discovery_lists: body.discovery_list_ids,
            port_lists: body.port_list_ids,
            port_list_groups: body.port_list_group_ids,
        }
    }
}

/// A new template.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewScanTemplate)]
pub struct NewScanTemplateBody {
    /// 1 to 64 characters of `[A-Za-z0-9_-]`.
    name: String,
    #[serde(default)]
    description: String,
    /// At least one.
    #[serde(default)]
    subnet_ids: Vec<Uuid>,
    /// Not in this version.
    #[serde(default)]
    subnet_group_ids: Vec<Uuid>,
    /// Not in this version.
    #[serde(default)]
    fqdn_ids: Vec<Uuid>,
    /// Not in this version.
    #[serde(default)]
    fqdn_group_ids: Vec<Uuid>,
    /// Not in this version.
    #[serde(default)]
    discovery_list_ids: Vec<Uuid>,
    /// At least one.
    #[serde(default)]
    port_list_ids: Vec<Uuid>,
    /// Not in this version.
    #[serde(default)]
    port_list_group_ids: Vec<Uuid>,
}

impl From<NewScanTemplateBody> for NewTemplate {
    fn from(body: NewScanTemplateBody) -> Self {
        Self {
            name: body.name,
            description: body.description,
            sources: Sources {
                subnets: body.subnet_ids,
                subnet_groups: body.subnet_group_ids,
                fqdns: body.fqdn_ids,
                fqdn_groups: body.fqdn_group_ids,
                discovery_lists: body.discovery_list_ids,
                port_lists: body.port_list_ids,
                port_list_groups: body.port_list_group_ids,
            },
        }
    }
}

/// What is to change of a template.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ScanTemplatePatch)]
pub struct ScanTemplatePatchBody {
    /// The version that is edited; else `If-Match`.
    version: Option<i32>,
    name: Option<String>,
    description: Option<String>,
    subnet_ids: Option<Vec<Uuid>>,
    port_list_ids: Option<Vec<Uuid>>,
}

impl ScanTemplatePatchBody {
    fn patch(self, if_match: IfMatch) -> Result<TemplatePatch, AppError> {
        Ok(TemplatePatch {
            version: if_match.or(self.version)?,
            name: self.name,
            description: self.description,
            subnets: self.subnet_ids,
            port_lists: self.port_list_ids,
        })
    }
}

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(create::create))
        .routes(routes!(filter_values::filter_values))
        .routes(routes!(summary::summary))
        .routes(routes!(get::get))
        .routes(routes!(update::update))
        .routes(routes!(delete::delete))
        .routes(routes!(clone::clone))
        .routes(routes!(history::history))
        .routes(routes!(details::details))
}
