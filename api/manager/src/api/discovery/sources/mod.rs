//! `/api/config/discovery/sources`
mod clone;
mod create;
mod delete;
mod details;
mod filter_values;
mod get;
mod history;
mod list;
mod rotate_key;
mod update;

use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::discovery::{DiscoverySource, KeyShown, NewSource, SourcePatch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::api::common::IfMatch;
use crate::state::App;

/// A discovery source: another system that pushes the addresses that it knows.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DiscoverySource)]
pub struct DiscoverySourceAnswer {
    id: Uuid,
    name: String,
    description: String,
    /// The start of its key.
    key_prefix: String,
    /// Its calls are answered.
    enabled: bool,
    /// How many lists it has.
    lists: i64,
    /// How many addresses they hold together.
    ip_count: i64,
    /// When it last pushed addresses.
    last_push_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Counts edits.
    version: i32,
}

impl From<DiscoverySource> for DiscoverySourceAnswer {
    fn from(source: DiscoverySource) -> Self {
        Self {
            id: source.id.as_uuid(),
            name: source.name,
            description: source.description,
            key_prefix: source.key_prefix,
            enabled: source.enabled,
            lists: source.lists,
            ip_count: source.ip_count,
            last_push_at: source.last_push_at,
            created_at: source.created_at,
            updated_at: source.updated_at,
            version: source.version,
        }
    }
}

/// A discovery source with a new key, which is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoverySourceKey {
    #[serde(flatten)]
    object: DiscoverySourceAnswer,
    /// For the header `X-API-Key`.
    key: String,
}

impl From<KeyShown> for DiscoverySourceKey {
    fn from(shown: KeyShown) -> Self {
        Self { key: shown.key.reveal().to_owned(), object: shown.source.into() }
    }
}

/// A new discovery source.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewDiscoverySource)]
pub struct NewDiscoverySourceBody {
    /// 1 to 100 characters of `[A-Za-z0-9_-]`.
    name: String,
    #[serde(default)]
    description: String,
}

impl From<NewDiscoverySourceBody> for NewSource {
    fn from(body: NewDiscoverySourceBody) -> Self {
        Self { name: body.name, description: body.description }
    }
}

/// What is to change of a discovery source.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = DiscoverySourcePatch)]
pub struct DiscoverySourcePatchBody {
    /// The version that is edited; else `If-Match`.
    version: Option<i32>,
    name: Option<String>,
    description: Option<String>,
    /// Whether its calls are answered; its lists stay either way.
    enabled: Option<bool>,
}

impl DiscoverySourcePatchBody {
    fn patch(self, if_match: IfMatch) -> Result<SourcePatch, AppError> {
        Ok(SourcePatch {
            version: if_match.or(self.version)?,
            name: self.name,
            description: self.description,
            enabled: self.enabled,
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
        .routes(routes!(rotate_key::rotate_key))
}
