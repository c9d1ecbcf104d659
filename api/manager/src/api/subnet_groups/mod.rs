//! `/api/config/subnet-groups`
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
use mipo_app::groups::{self, Group, GroupPatch, NewGroup};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::common::{IfMatch, NamedAnswer, count, members};
use crate::state::App;

/// A subnet group.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SubnetGroup)]
pub struct SubnetGroupAnswer {
    id: Uuid,
    name: String,
    description: String,
    /// What it holds, at least one.
    subnets: Vec<NamedAnswer>,
    /// Addresses of its subnets, each once; `null` when there are more than 2^53.
    ip_count: Option<u64>,
    built_in: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Counts edits.
    version: i32,
}

impl From<Group> for SubnetGroupAnswer {
    fn from(group: Group) -> Self {
        Self {
            id: group.id,
            ip_count: count(groups::ip_count(&group)),
            subnets: members(&group.members),
            name: group.name,
            description: group.description,
            built_in: group.built_in,
            created_at: group.created_at,
            updated_at: group.updated_at,
            version: group.version,
        }
    }
}

/// A new subnet group.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSubnetGroup)]
pub struct NewSubnetGroupBody {
    /// 1 to 64 characters of `[A-Za-z0-9_-]`.
    name: String,
    #[serde(default)]
    description: String,
    /// At least one.
    #[serde(default)]
    subnet_ids: Vec<Uuid>,
}

impl From<NewSubnetGroupBody> for NewGroup {
    fn from(body: NewSubnetGroupBody) -> Self {
        Self { name: body.name, description: body.description, members: body.subnet_ids }
    }
}

/// What is to change of a subnet group.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SubnetGroupPatch)]
pub struct SubnetGroupPatchBody {
    /// The version that is edited; else `If-Match`.
    version: Option<i32>,
    name: Option<String>,
    description: Option<String>,
    /// Everything that it holds from now on, at least one.
    subnet_ids: Option<Vec<Uuid>>,
}

impl SubnetGroupPatchBody {
    fn patch(self, if_match: IfMatch) -> Result<GroupPatch, AppError> {
        Ok(GroupPatch {
            version: if_match.or(self.version)?,
            name: self.name,
            description: self.description,
            members: self.subnet_ids,
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
