//! `/api/config/scan-template-groups`
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
use mipo_app::groups::{Group, GroupPatch, NewGroup};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::common::{IfMatch, NamedAnswer, members};
use crate::state::App;

/// A scan template group.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScanTemplateGroup)]
pub struct ScanTemplateGroupAnswer {
    id: Uuid,
    name: String,
    description: String,
    /// What it holds, at least one.
    templates: Vec<NamedAnswer>,
    built_in: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Counts edits.
    version: i32,
}

impl From<Group> for ScanTemplateGroupAnswer {
    fn from(group: Group) -> Self {
        Self {
            id: group.id,
            templates: members(&group.members),
            name: group.name,
            description: group.description,
            built_in: group.built_in,
            created_at: group.created_at,
            updated_at: group.updated_at,
            version: group.version,
        }
    }
}

/// A new scan template group.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewScanTemplateGroup)]
pub struct NewScanTemplateGroupBody {
    /// 1 to 64 characters of `[A-Za-z0-9_-]`.
    name: String,
    #[serde(default)]
    description: String,
    /// At least one.
    #[serde(default)]
    template_ids: Vec<Uuid>,
}

impl From<NewScanTemplateGroupBody> for NewGroup {
    fn from(body: NewScanTemplateGroupBody) -> Self {
        Self { name: body.name, description: body.description, members: body.template_ids }
    }
}

/// What is to change of a scan template group.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ScanTemplateGroupPatch)]
pub struct ScanTemplateGroupPatchBody {
    /// The version that is edited; else `If-Match`.
    version: Option<i32>,
    name: Option<String>,
    description: Option<String>,
    /// Everything that it holds from now on, at least one.
    template_ids: Option<Vec<Uuid>>,
}

impl ScanTemplateGroupPatchBody {
    fn patch(self, if_match: IfMatch) -> Result<GroupPatch, AppError> {
        Ok(GroupPatch {
            version: if_match.or(self.version)?,
            name: self.name,
            description: self.description,
            members: self.template_ids,
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
