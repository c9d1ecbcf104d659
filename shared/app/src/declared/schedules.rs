//! Schedules.
use mipo_store::Conn;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::TemplateSpec;
use super::groups::{self, Holds as _};
use super::kind::{Kind, Names, Stored, all, names_of, sorted, text};
use crate::fields::Checks;
use crate::schedules::{self, NewSchedule, Schedule, SchedulePatch, TimingInput};
use crate::{AppError, Ctx};

/// A schedule. Which of the fields of time it has follows from its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// `hourly`, `daily`, `weekly`, `monthly` or `cron`.
    #[serde(rename = "type")]
    pub kind: String,
    /// 0–59
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minute: Option<i64>,
    /// 0–23
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour: Option<i64>,
    /// 0–6, 0 = Sunday
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_of_week: Option<i64>,
    /// 1–31
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_of_month: Option<i64>,
    /// Five fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron_expression: Option<String>,
    /// An IANA name.
    #[serde(default = "utc")]
    pub timezone: String,
    /// 0–1440
    #[serde(default)]
    pub jitter_minutes: i64,
    /// Names of the templates that it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<String>,
    /// Names of the template groups that it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub template_groups: Vec<String>,
    /// `skip`, `queue` or `parallel`.
    #[serde(default = "skip")]
    pub overlap_policy: String,
    /// 0–1440
    #[serde(default = "an_hour")]
    pub catch_up_minutes: i64,
    /// False: it runs only when somebody says so.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn skip() -> String {
    schedules::OVERLAP_POLICIES[0].to_owned()
}

const fn an_hour() -> i64 {
    schedules::CATCH_UP_MINUTES
}

const fn yes() -> bool {
    true
}

impl ScheduleSpec {
    fn timing(&self) -> TimingInput {
        TimingInput {
            kind: Some(self.kind.clone()),
            minute: self.minute,
            hour: self.hour,
            day_of_week: self.day_of_week,
            day_of_month: self.day_of_month,
            cron_expression: self.cron_expression.clone(),
            timezone: Some(self.timezone.clone()),
            jitter_minutes: Some(self.jitter_minutes),
        }
    }

    /// Templates, and groups of them.
    fn templates(&self, names: &Names) -> Result<(Vec<Uuid>, Vec<Uuid>), AppError> {
        let mut checks = Checks::new();
        let templates = names.ids(&mut checks, "templates", TemplateSpec::NAME, &self.templates);
        let groups = names.ids(&mut checks, "template_groups", groups::Templates::NAME, &self.template_groups);
        checks.done()?;
        Ok((templates, groups))
    }
}

impl Kind for ScheduleSpec {
    const NAME: &'static str = "schedule";

    fn name(&self) -> &str {
        &self.name
    }

    fn tidy(mut self) -> Self {
        self.description = text(&self.description);
        self.templates = sorted(self.templates);
        self.template_groups = sorted(self.template_groups);
        let timing = self.timing().filled();
        self.minute = timing.minute;
        self.hour = timing.hour;
        self.day_of_week = timing.day_of_week;
        self.day_of_month = timing.day_of_month;
        self.cron_expression = timing.cron_expression;
        self
    }

    fn references(&mut self) -> Vec<(&'static str, &mut Vec<String>)> {
        vec![(TemplateSpec::NAME, &mut self.templates), (groups::Templates::NAME, &mut self.template_groups)]
    }

    async fn stored(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<Stored<Self>>, AppError> {
        let rows = all!(schedules::list, conn, ctx);
        let stored = |row: Schedule| Stored {
            id: row.id.into(),
            version: row.version,
            built_in: false,
            spec: Self {
                templates: names_of(&row.templates),
                template_groups: names_of(&row.template_groups),
                name: row.name,
                description: row.description,
                kind: row.timing.kind,
                minute: row.timing.minute.map(Into::into),
                hour: row.timing.hour.map(Into::into),
                day_of_week: row.timing.day_of_week.map(Into::into),
                day_of_month: row.timing.day_of_month.map(Into::into),
                cron_expression: row.timing.cron_expression,
                timezone: row.timing.timezone,
                jitter_minutes: row.timing.jitter_minutes.into(),
                overlap_policy: row.overlap_policy,
                catch_up_minutes: row.catch_up_minutes.into(),
                enabled: row.enabled,
            },
        };
        Ok(rows.into_iter().map(stored).collect())
    }

    async fn create(&self, conn: &mut Conn, ctx: &Ctx<'_>, names: &Names) -> Result<Uuid, AppError> {
        let (templates, template_groups) = self.templates(names)?;
        let input = NewSchedule {
            name: self.name.clone(),
            description: self.description.clone(),
            timing: self.timing(),
            templates,
            template_groups,
            disabled: !self.enabled,
            overlap_policy: Some(self.overlap_policy.clone()),
            catch_up_minutes: Some(self.catch_up_minutes),
        };
        Ok(schedules::create(conn, ctx, input).await?.id.into())
    }

    async fn update(
        &self,
        conn: &mut Conn,
        ctx: &Ctx<'_>,
        names: &Names,
        stored: &Stored<Self>,
    ) -> Result<(), AppError> {
        let id = stored.id.into();
        let (templates, template_groups) = self.templates(names)?;
        let patch = SchedulePatch {
            version: stored.version,
            name: Some(self.name.clone()),
            description: Some(self.description.clone()),
            timing: self.timing(),
            templates: Some(templates),
            template_groups: Some(template_groups),
            overlap_policy: Some(self.overlap_policy.clone()),
            catch_up_minutes: Some(self.catch_up_minutes),
        };
        schedules::update(conn, ctx, id, patch).await?;
        schedules::enable(conn, ctx, id, self.enabled).await.map(|_| ())
    }

    async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<(), AppError> {
        schedules::delete(conn, ctx, id.into()).await
    }
}
