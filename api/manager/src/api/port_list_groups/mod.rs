//! `/api/config/port-list-groups`
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

use super::common::{IfMatch, NamedAnswer, members};
use crate::state::App;

/// A port list group.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PortListGroup)]
pub struct PortListGroupAnswer {
    id: Uuid,
    name: String,
    description: String,
    /// What it holds, at least one.
    port_lists: Vec<NamedAnswer>,
    /// TCP ports of its lists, each once.
    tcp_count: u32,
    built_in: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Counts edits.
    version: i32,
}

impl From<Group> for PortListGroupAnswer {
    fn from(group: Group) -> Self {
        Self {
            id: group.id,
            tcp_count: groups::port_count(&group),
            port_lists: members(&group.members),
            name: group.name,
            description: group.description,
            built_in: group.built_in,
            created_at: group.created_at,
            updated_at: group.updated_at,
            version: group.version,
        }
    }
}

/// A new port list group.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewPortListGroup)]
pub struct NewPortListGroupBody {
    /// 1 to 64 characters of `[A-Za-z0-9_-]`.
    name: String,
    #[serde(default)]
    description: String,
    /// At least one.
    #[serde(default)]
    port_list_ids: Vec<Uuid>,
}

impl From<NewPortListGroupBody> for NewGroup {
    fn from(body: NewPortListGroupBody) -> Self {
        Self { name: body.name, description: body.description, members: body.port_list_ids }
    }
}

/// What is to change of a port list group.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PortListGroupPatch)]
pub struct PortListGroupPatchBody {
    /// The version that is edited; else `If-Match`.
    version: Option<i32>,
    name: Option<String>,
    description: Option<String>,
    /// Everything that it holds from now on, at least one.
    port_list_ids: Option<Vec<Uuid>>,
}

impl PortListGroupPatchBody {
    fn patch(self, if_match: IfMatch) -> Result<GroupPatch, AppError> {
        Ok(GroupPatch {
            version: if_match.or(self.version)?,
            name: self.name,
            description: self.description,
            members: self.port_list_ids,
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
