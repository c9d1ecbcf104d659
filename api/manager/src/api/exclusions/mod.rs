//! `/api/config/exclusions`
mod clone;
mod create;
mod delete;
mod disable;
mod enable;
mod filter_values;
mod get;
mod history;
mod list;
mod update;

use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::exclusions::{self, Exclusion, ExclusionPatch, NewExclusion};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::common::{IfMatch, present};
use crate::state::App;

/// An exclusion.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Exclusion)]
pub struct ExclusionAnswer {
    id: Uuid,
    name: String,
    #[schema(example = "192.0.2.0/24")]
    cidr: String,
    /// TCP ports; empty = every port.
    ports: String,
    reason: String,
    /// User name of whoever answers for it.
    owner: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    enabled: bool,
    /// True when it holds now: enabled and not expired.
    in_force: bool,
    disabled_reason: Option<String>,
    built_in: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Counts edits.
    version: i32,
}

impl ExclusionAnswer {
    fn of(exclusion: Exclusion, now: DateTime<Utc>) -> Result<Self, AppError> {
        Ok(Self {
            id: exclusion.id.as_uuid(),
            cidr: exclusion.cidr.to_string(),
            ports: exclusions::ports_text(&exclusion)?,
            in_force: exclusions::holds(&exclusion, now),
            name: exclusion.name,
            reason: exclusion.reason,
            owner: exclusion.owner,
            expires_at: exclusion.expires_at,
            enabled: exclusion.enabled,
            disabled_reason: exclusion.disabled_reason,
            built_in: exclusion.built_in,
            created_at: exclusion.created_at,
            updated_at: exclusion.updated_at,
            version: exclusion.version,
        })
    }
}

/// A new exclusion.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewExclusion)]
pub struct NewExclusionBody {
    /// 1 to 64 characters of `[A-Za-z0-9_-]`.
    name: String,
    /// A network with the host bits zero, or one address.
    #[schema(example = "192.0.2.7")]
    cidr: String,
    /// TCP ports; empty = every port.
    #[serde(default)]
    ports: String,
    /// Why these addresses are never probed.
    reason: String,
    /// When it stops to hold; without it never.
    expires_at: Option<DateTime<Utc>>,
}

impl From<NewExclusionBody> for NewExclusion {
    fn from(body: NewExclusionBody) -> Self {
        Self { name: body.name, cidr: body.cidr, ports: body.ports, reason: body.reason, expires_at: body.expires_at }
    }
}

/// What is to change of an exclusion.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ExclusionPatch)]
pub struct ExclusionPatchBody {
    /// The version that is edited; else `If-Match`.
    version: Option<i32>,
    name: Option<String>,
    cidr: Option<String>,
    ports: Option<String>,
    reason: Option<String>,
    /// `null` for never.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Option<Option<DateTime<Utc>>>,
}

impl ExclusionPatchBody {
    fn patch(self, if_match: IfMatch) -> Result<ExclusionPatch, AppError> {
        Ok(ExclusionPatch {
            version: if_match.or(self.version)?,
            name: self.name,
            cidr: self.cidr,
            ports: self.ports,
            reason: self.reason,
            expires_at: self.expires_at,
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
        .routes(routes!(enable::enable))
        .routes(routes!(disable::disable))
}
