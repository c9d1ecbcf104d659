//! Blackout windows. One that is over is history and stands in no document.
use chrono::{DateTime, Utc};
use mipo_store::Conn;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::groups::{self, Holds as _};
use super::kind::{Kind, Names, Stored, all, names_of, sorted, text};
use super::{ScannerSpec, SubnetSpec};
use crate::blackouts::{self, Blackout, BlackoutPatch, NewBlackout, ScopeInput, TimingInput};
use crate::fields::Checks;
use crate::{AppError, Ctx};

/// Said where a document switches one off or on: somebody reviewed the document instead.
const REASON: &str = "as the applied document says";

/// A blackout window: once from an instant to another, or weekly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlackoutSpec {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
    /// It holds everything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Names of subnets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<String>,
    /// Names of subnet groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnet_groups: Vec<String>,
    /// Names of scanners.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scanners: Vec<String>,
    /// Its begin, if once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Its end, if once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<DateTime<Utc>>,
    /// 0–6, 0 = Sunday, if weekly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Vec<i64>>,
    /// `HH:MM`, if weekly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// 1–1440, if weekly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_minutes: Option<i64>,
    /// An IANA name.
    #[serde(default = "utc")]
    pub timezone: String,
    /// Whether it holds.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn utc() -> String {
    "UTC".to_owned()
}

const fn yes() -> bool {
    true
}

impl BlackoutSpec {
    fn scope(&self, names: &Names) -> Result<ScopeInput, AppError> {
        let mut checks = Checks::new();
        let scope = ScopeInput {
            all: Some(self.all),
            subnets: Some(names.ids(&mut checks, "subnets", SubnetSpec::NAME, &self.subnets)),
            subnet_groups: Some(names.ids(&mut checks, "subnet_groups", groups::Subnets::NAME, &self.subnet_groups)),
            scanners: Some(names.ids(&mut checks, "scanners", ScannerSpec::NAME, &self.scanners)),
        };
        checks.done()?;
        Ok(scope)
    }

    fn timing(&self) -> TimingInput {
        TimingInput {
            kind: Some(if self.from.is_some() || self.to.is_some() { "once" } else { "weekly" }.to_owned()),
            from: self.from,
            to: self.to,
            days: self.days.clone(),
            start: self.start.clone(),
            duration_minutes: self.duration_minutes,
            timezone: Some(self.timezone.clone()),
        }
    }

    fn of(row: Blackout) -> Self {
        Self {
            subnets: names_of(&row.subnets),
            subnet_groups: names_of(&row.subnet_groups),
            scanners: names_of(&row.scanners),
            name: row.name,
            reason: row.reason,
            all: row.scope_all,
            from: row.timing.once_from,
            to: row.timing.once_to,
            days: row.timing.weekly_days.map(|days| days.into_iter().map(Into::into).collect()),
            start: row.timing.weekly_start.map(|start| start.format("%H:%M").to_string()),
            duration_minutes: row.timing.weekly_minutes.map(Into::into),
            timezone: row.timing.timezone,
            enabled: row.enabled,
        }
    }
}

impl Kind for BlackoutSpec {
    const NAME: &'static str = "blackout window";

    fn name(&self) -> &str {
        &self.name
    }

    fn tidy(mut self) -> Self {
        self.reason = text(&self.reason);
        self.subnets = sorted(self.subnets);
        self.subnet_groups = sorted(self.subnet_groups);
        self.scanners = sorted(self.scanners);
        if let Some(days) = &mut self.days {
            days.sort_unstable();
            days.dedup();
        }
        self
    }

    fn references(&mut self) -> Vec<(&'static str, &mut Vec<String>)> {
        vec![
            (SubnetSpec::NAME, &mut self.subnets),
            (groups::Subnets::NAME, &mut self.subnet_groups),
            (ScannerSpec::NAME, &mut self.scanners),
        ]
    }

    async fn stored(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<Stored<Self>>, AppError> {
        let rows = all!(blackouts::list, conn, ctx);
        let now = ctx.now();
        let stored =
            |row: Blackout| Stored { id: row.id.into(), version: row.version, built_in: false, spec: Self::of(row) };
        Ok(rows.into_iter().filter(|row| row.timing.once_to.is_none_or(|to| to > now)).map(stored).collect())
    }

    async fn create(&self, conn: &mut Conn, ctx: &Ctx<'_>, names: &Names) -> Result<Uuid, AppError> {
        let input = NewBlackout {
            name: self.name.clone(),
            scope: self.scope(names)?,
            timing: self.timing(),
            reason: self.reason.clone(),
        };
        let id = blackouts::create(conn, ctx, input).await?.id;
        if !self.enabled {
            blackouts::set_enabled(conn, ctx, id, false, REASON).await?;
        }
        Ok(id.into())
    }

    async fn update(
        &self,
        conn: &mut Conn,
        ctx: &Ctx<'_>,
        names: &Names,
        stored: &Stored<Self>,
    ) -> Result<(), AppError> {
        let id = stored.id.into();
        if (Self { enabled: stored.spec.enabled, ..self.clone() }) != stored.spec.clone().tidy() {
            let patch = BlackoutPatch {
                version: stored.version,
                name: Some(self.name.clone()),
                scope: self.scope(names)?,
                timing: self.timing(),
                reason: Some(self.reason.clone()),
            };
            blackouts::update(conn, ctx, id, patch).await?;
        }
        blackouts::set_enabled(conn, ctx, id, self.enabled, REASON).await.map(|_| ())
    }

    async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<(), AppError> {
        blackouts::delete(conn, ctx, id.into()).await
    }
}
