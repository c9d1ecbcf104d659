//! `/api/scans/schedules`
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
mod preview;
mod run;
mod update;

use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::schedules::{self, NewSchedule, Schedule, SchedulePatch, TimingInput};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::common::{IfMatch, NamedAnswer, named};
use crate::state::App;

/// A schedule.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Schedule)]
pub struct ScheduleAnswer {
    id: Uuid,
    name: String,
    description: String,
    /// `hourly`, `daily`, `weekly`, `monthly` or `cron`.
    #[serde(rename = "type")]
    kind: String,
    minute: Option<i32>,
    hour: Option<i32>,
    /// 0 = Sunday.
    day_of_week: Option<i32>,
    day_of_month: Option<i32>,
    cron_expression: Option<String>,
    /// An IANA name.
    timezone: String,
    jitter_minutes: i32,
    /// The timing in words.
    sentence: String,
    /// The templates that it runs,
    templates: Vec<NamedAnswer>,
    /// and the groups of templates. A template that is reached twice runs once.
    template_groups: Vec<NamedAnswer>,
    enabled: bool,
    /// `skip`, `queue` or `parallel`.
    overlap_policy: String,
    catch_up_minutes: i32,
    /// The planned time of the next run; `null` when disabled.
    next_planned_at: Option<DateTime<Utc>>,
    /// When that run truly starts, with its jitter.
    next_start_at: Option<DateTime<Utc>>,
    last_run_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Counts edits.
    version: i32,
}

impl From<Schedule> for ScheduleAnswer {
    fn from(schedule: Schedule) -> Self {
        Self {
            id: schedule.id.as_uuid(),
            sentence: schedules::sentence(&schedule),
            templates: named(&schedule.templates),
            template_groups: named(&schedule.template_groups),
            name: schedule.name,
            description: schedule.description,
            kind: schedule.timing.kind,
            minute: schedule.timing.minute,
            hour: schedule.timing.hour,
            day_of_week: schedule.timing.day_of_week,
            day_of_month: schedule.timing.day_of_month,
            cron_expression: schedule.timing.cron_expression,
            timezone: schedule.timing.timezone,
            jitter_minutes: schedule.timing.jitter_minutes,
            enabled: schedule.enabled,
            overlap_policy: schedule.overlap_policy,
            catch_up_minutes: schedule.catch_up_minutes,
            next_planned_at: schedule.next_planned_at,
            next_start_at: schedule.next_start_at,
            last_run_at: schedule.last_run_at,
            created_at: schedule.created_at,
            updated_at: schedule.updated_at,
            version: schedule.version,
        }
    }
}

const fn yes() -> bool {
    true
}

/// A new schedule.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSchedule)]
pub struct NewScheduleBody {
    /// 1 to 64 characters of `[A-Za-z0-9_-]`.
    name: String,
    #[serde(default)]
    description: String,
    /// `hourly` (minute), `daily` (hour, minute), `weekly` (+ dayOfWeek), `monthly` (+ dayOfMonth) or `cron`
    /// (cronExpression); `daily` without it.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// 0 to 59.
    minute: Option<i64>,
    /// 0 to 23.
    hour: Option<i64>,
    /// 0 to 6, 0 = Sunday.
    day_of_week: Option<i64>,
    /// 1 to 31; months without that day are left out.
    day_of_month: Option<i64>,
    /// Five fields.
    cron_expression: Option<String>,
    /// An IANA name; UTC without it.
    timezone: Option<String>,
    /// 0 to 1440.
    jitter_minutes: Option<i64>,
    /// Ids of templates; at least one of these or of `templateGroupIds`.
    #[serde(default)]
    template_ids: Vec<Uuid>,
    /// Ids of template groups; what is in them when a run starts is run.
    #[serde(default)]
    template_group_ids: Vec<Uuid>,
    #[serde(default = "yes")]
    enabled: bool,
    /// When the run before has not ended: `skip`, `queue` or `parallel`; `skip` without it.
    overlap_policy: Option<String>,
    /// 0 to 1440; 60 without it.
    catch_up_minutes: Option<i64>,
}

impl From<NewScheduleBody> for NewSchedule {
    fn from(body: NewScheduleBody) -> Self {
        Self {
            name: body.name,
            description: body.description,
            timing: TimingInput {
                kind: body.kind,
                minute: body.minute,
                hour: body.hour,
                day_of_week: body.day_of_week,
                day_of_month: body.day_of_month,
                cron_expression: body.cron_expression,
                timezone: body.timezone,
                jitter_minutes: body.jitter_minutes,
            },
            templates: body.template_ids,
            template_groups: body.template_group_ids,
            disabled: !body.enabled,
            overlap_policy: body.overlap_policy,
            catch_up_minutes: body.catch_up_minutes,
        }
    }
}

/// What is to change of a schedule.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SchedulePatch)]
pub struct SchedulePatchBody {
    /// The version that is edited; else `If-Match`.
    version: Option<i32>,
    name: Option<String>,
    description: Option<String>,
    /// With another type the fields of the last one are forgotten.
    #[serde(rename = "type")]
    kind: Option<String>,
    minute: Option<i64>,
    hour: Option<i64>,
    day_of_week: Option<i64>,
    day_of_month: Option<i64>,
    cron_expression: Option<String>,
    timezone: Option<String>,
    jitter_minutes: Option<i64>,
    template_ids: Option<Vec<Uuid>>,
    template_group_ids: Option<Vec<Uuid>>,
    overlap_policy: Option<String>,
    catch_up_minutes: Option<i64>,
}

impl SchedulePatchBody {
    fn patch(self, if_match: IfMatch) -> Result<SchedulePatch, AppError> {
        Ok(SchedulePatch {
            version: if_match.or(self.version)?,
            name: self.name,
            description: self.description,
            timing: TimingInput {
                kind: self.kind,
                minute: self.minute,
                hour: self.hour,
                day_of_week: self.day_of_week,
                day_of_month: self.day_of_month,
                cron_expression: self.cron_expression,
                timezone: self.timezone,
                jitter_minutes: self.jitter_minutes,
            },
            templates: self.template_ids,
            template_groups: self.template_group_ids,
            overlap_policy: self.overlap_policy,
            catch_up_minutes: self.catch_up_minutes,
        })
    }
}

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(create::create))
        .routes(routes!(filter_values::filter_values))
        .routes(routes!(preview::preview))
        .routes(routes!(get::get))
        .routes(routes!(update::update))
        .routes(routes!(delete::delete))
        .routes(routes!(clone::clone))
        .routes(routes!(enable::enable))
        .routes(routes!(disable::disable))
        .routes(routes!(run::run))
        .routes(routes!(history::history))
        .routes(routes!(details::details))
}
