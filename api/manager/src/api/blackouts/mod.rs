//! `/api/config/blackouts`: times in which targets are not probed.
mod clone;
mod create;
mod delete;
mod details;
mod disable;
mod enable;
mod filter_values;
mod get;
mod history;
mod list;
mod update;

use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::blackouts::{self, Blackout, BlackoutPatch, Holding, NewBlackout, ScopeInput, TimingInput};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::common::{IfMatch, NamedAnswer, named};
use crate::state::App;

/// A blackout window.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Blackout)]
pub struct BlackoutAnswer {
    id: Uuid,
    name: String,
    /// It holds every job; then the three lists are empty.
    all: bool,
    /// Jobs that meet one of these subnets are held,
    subnets: Vec<NamedAnswer>,
    /// or a subnet of one of these groups,
    subnet_groups: Vec<NamedAnswer>,
    /// or that belong to one of these scanners.
    scanners: Vec<NamedAnswer>,
    /// `once` or `weekly`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// If once: its begin.
    from: Option<DateTime<Utc>>,
    /// If once: its end.
    to: Option<DateTime<Utc>>,
    /// If weekly: the days on which it begins, 0–6, 0 = Sunday.
    days: Option<Vec<i32>>,
    /// If weekly: the time of day at which it begins, `HH:MM`.
    start: Option<String>,
    /// If weekly: how long it lasts by the clocks of its zone.
    duration_minutes: Option<i32>,
    /// An IANA name.
    timezone: String,
    /// When it holds, in words.
    sentence: String,
    reason: String,
    enabled: bool,
    disabled_reason: Option<String>,
    /// It holds now.
    holds: bool,
    /// When it begins or ends next; `null` when it is disabled, over, or never ends.
    next_change: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i32,
}

impl BlackoutAnswer {
    fn of(blackout: Blackout, now: DateTime<Utc>) -> Self {
        Self {
            id: blackout.id.into(),
            all: blackout.scope_all,
            subnets: named(&blackout.subnets),
            subnet_groups: named(&blackout.subnet_groups),
            scanners: named(&blackout.scanners),
            kind: blackouts::kind(&blackout.timing),
            sentence: blackouts::sentence(&blackout),
            holds: blackouts::holds(&blackout, now).is_some(),
            next_change: blackouts::next_change(&blackout, now),
            name: blackout.name,
            from: blackout.timing.once_from,
            to: blackout.timing.once_to,
            days: blackout.timing.weekly_days,
            start: blackout.timing.weekly_start.map(|start| start.format("%H:%M").to_string()),
            duration_minutes: blackout.timing.weekly_minutes,
            timezone: blackout.timing.timezone,
            reason: blackout.reason,
            enabled: blackout.enabled,
            disabled_reason: blackout.disabled_reason,
            created_at: blackout.created_at,
            updated_at: blackout.updated_at,
            version: blackout.version,
        }
    }
}

/// A blackout window that holds something.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldBy {
    id: Uuid,
    name: String,
    /// When it ends; `null`: it goes on for ever.
    until: Option<DateTime<Utc>>,
}

impl From<Holding> for HeldBy {
    fn from(held: Holding) -> Self {
        Self { id: held.id.into(), name: held.name, until: held.until }
    }
}

/// A new blackout window.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewBlackout)]
pub struct NewBlackoutBody {
    /// 1 to 64 characters of `[A-Za-z0-9_-]`.
    name: String,
    /// `true` for every job; otherwise name at least one subnet, subnet group or scanner.
    #[serde(default)]
    all: bool,
    /// Ids of subnets.
    #[serde(default)]
    subnet_ids: Vec<Uuid>,
    /// Ids of subnet groups.
    #[serde(default)]
    subnet_group_ids: Vec<Uuid>,
    /// Ids of scanners.
    #[serde(default)]
    scanner_ids: Vec<Uuid>,
    /// `once` or `weekly`, which is the default.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Once: its begin.
    from: Option<DateTime<Utc>>,
    /// Once: its end, later than the begin.
    to: Option<DateTime<Utc>>,
    /// Weekly: the days on which it begins, 0–6, 0 = Sunday.
    days: Option<Vec<i64>>,
    /// Weekly: the time of day at which it begins, `HH:MM`.
    #[schema(example = "08:00")]
    start: Option<String>,
    /// Weekly: 1–1440.
    duration_minutes: Option<i64>,
    /// An IANA name; UTC without it.
    #[schema(example = "Europe/Berlin")]
    timezone: Option<String>,
    /// Why these targets are left alone.
    reason: String,
}

impl From<NewBlackoutBody> for NewBlackout {
    fn from(body: NewBlackoutBody) -> Self {
        Self {
            name: body.name,
            scope: ScopeInput {
                all: Some(body.all),
                subnets: Some(body.subnet_ids),
                subnet_groups: Some(body.subnet_group_ids),
                scanners: Some(body.scanner_ids),
            },
            timing: TimingInput {
                kind: body.kind,
                from: body.from,
                to: body.to,
                days: body.days,
                start: body.start,
                duration_minutes: body.duration_minutes,
                timezone: body.timezone,
            },
            reason: body.reason,
        }
    }
}

/// What is to change of a blackout window.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = BlackoutPatch)]
pub struct BlackoutPatchBody {
    /// The version that is edited; else `If-Match`.
    version: Option<i32>,
    name: Option<String>,
    all: Option<bool>,
    subnet_ids: Option<Vec<Uuid>>,
    subnet_group_ids: Option<Vec<Uuid>>,
    scanner_ids: Option<Vec<Uuid>>,
    /// `once` or `weekly`; another type takes none of the fields of the last.
    #[serde(rename = "type")]
    kind: Option<String>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    days: Option<Vec<i64>>,
    start: Option<String>,
    duration_minutes: Option<i64>,
    timezone: Option<String>,
    reason: Option<String>,
}

impl BlackoutPatchBody {
    fn patch(self, if_match: IfMatch) -> Result<BlackoutPatch, AppError> {
        Ok(BlackoutPatch {
            version: if_match.or(self.version)?,
            name: self.name,
            scope: ScopeInput {
                all: self.all,
                subnets: self.subnet_ids,
                subnet_groups: self.subnet_group_ids,
                scanners: self.scanner_ids,
            },
            timing: TimingInput {
                kind: self.kind,
                from: self.from,
                to: self.to,
                days: self.days,
                start: self.start,
                duration_minutes: self.duration_minutes,
                timezone: self.timezone,
            },
            reason: self.reason,
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
        .routes(routes!(details::details))
        .routes(routes!(history::history))
        .routes(routes!(enable::enable))
        .routes(routes!(disable::disable))
}
