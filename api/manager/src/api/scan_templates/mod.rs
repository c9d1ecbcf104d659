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
    subnet_groups: Vec<NamedAnswer>,
    fqdns: Vec<NamedAnswer>,
    fqdn_groups: Vec<NamedAnswer>,
    /// Discovery lists, each named with its source: `cmdb/servers`.
    discovery_lists: Vec<NamedAnswer>,
    /// Port lists that it scans them for.
    port_lists: Vec<NamedAnswer>,
    port_list_groups: Vec<NamedAnswer>,
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
            subnet_groups: named(&template.subnet_groups),
            fqdns: named(&template.fqdns),
            fqdn_groups: named(&template.fqdn_groups),
            discovery_lists: named(&template.discovery_lists),
            port_lists: named(&template.port_lists),
            port_list_groups: named(&template.port_list_groups),
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

/// Targets and ports of a template, by ids. Each address and each port counts once, however many ways lead to it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourcesBody {
    #[serde(default)]
    subnet_ids: Vec<Uuid>,
    #[serde(default)]
    subnet_group_ids: Vec<Uuid>,
    #[serde(default)]
    fqdn_ids: Vec<Uuid>,
    #[serde(default)]
    fqdn_group_ids: Vec<Uuid>,
    #[serde(default)]
    discovery_list_ids: Vec<Uuid>,
    #[serde(default)]
    port_list_ids: Vec<Uuid>,
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
    /// At least one target in all: subnets, host names, discovery lists, or groups of them.
    #[serde(default)]
    subnet_ids: Vec<Uuid>,
    #[serde(default)]
    subnet_group_ids: Vec<Uuid>,
    #[serde(default)]
    fqdn_ids: Vec<Uuid>,
    #[serde(default)]
    fqdn_group_ids: Vec<Uuid>,
    #[serde(default)]
    discovery_list_ids: Vec<Uuid>,
    /// At least one port list or group of port lists.
    #[serde(default)]
    port_list_ids: Vec<Uuid>,
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
    /// All subnets from now on; the other kinds stay as they are when they are left out.
    subnet_ids: Option<Vec<Uuid>>,
    subnet_group_ids: Option<Vec<Uuid>>,
    fqdn_ids: Option<Vec<Uuid>>,
    fqdn_group_ids: Option<Vec<Uuid>>,
    discovery_list_ids: Option<Vec<Uuid>>,
    port_list_ids: Option<Vec<Uuid>>,
    port_list_group_ids: Option<Vec<Uuid>>,
}

impl ScanTemplatePatchBody {
    fn patch(self, if_match: IfMatch) -> Result<TemplatePatch, AppError> {
        Ok(TemplatePatch {
            version: if_match.or(self.version)?,
            name: self.name,
            description: self.description,
            subnets: self.subnet_ids,
            subnet_groups: self.subnet_group_ids,
            fqdns: self.fqdn_ids,
            fqdn_groups: self.fqdn_group_ids,
            discovery_lists: self.discovery_list_ids,
            port_lists: self.port_list_ids,
            port_list_groups: self.port_list_group_ids,
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
