//! Exclusions. One that has expired is history and stands in no document.
use chrono::{DateTime, Utc};
use mipo_domain::address::parse_cidr;
use mipo_domain::ports::Ports;
use mipo_store::Conn;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::kind::{Kind, Names, Stored, all, text};
use crate::exclusions::{self, Exclusion, ExclusionPatch, NewExclusion};
use crate::{AppError, Ctx};

/// Said where a document switches one off or on: somebody reviewed the document instead.
const REASON: &str = "as the applied document says";

/// An exclusion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExclusionSpec {
    /// Its name.
    pub name: String,
    /// The network.
    pub cidr: String,
    /// TCP ports; empty for every port.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ports: String,
    /// Why.
    pub reason: String,
    /// When it stops to hold by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it holds.
    #[serde(default = "yes")]
    pub enabled: bool,
}

const fn yes() -> bool {
    true
}

impl Kind for ExclusionSpec {
    const NAME: &'static str = "exclusion";

    fn name(&self) -> &str {
        &self.name
    }

    fn tidy(mut self) -> Self {
        self.reason = text(&self.reason);
        if let Ok(net) = parse_cidr(&self.cidr) {
            self.cidr = net.to_string();
        }
        if let Ok(ports) = Ports::parse(&self.ports) {
            self.ports = ports.to_string();
        }
        self
    }

    async fn stored(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<Stored<Self>>, AppError> {
        let rows = all!(exclusions::list, conn, ctx);
        let now = ctx.now();
        let holds = |row: &Exclusion| row.expires_at.is_none_or(|at| at > now);
        let stored = |row: Exclusion| {
            let ports = exclusions::ports_text(&row)?;
            Ok(Stored {
                id: row.id.into(),
                version: row.version,
                built_in: row.built_in,
                spec: Self {
                    name: row.name,
                    cidr: row.cidr.to_string(),
                    ports,
                    reason: row.reason,
                    expires_at: row.expires_at,
                    enabled: row.enabled,
                },
            })
        };
        rows.into_iter().filter(holds).map(stored).collect()
    }

    async fn create(&self, conn: &mut Conn, ctx: &Ctx<'_>, _: &Names) -> Result<Uuid, AppError> {
        let input = NewExclusion {
            name: self.name.clone(),
            cidr: self.cidr.clone(),
            ports: self.ports.clone(),
            reason: self.reason.clone(),
            expires_at: self.expires_at,
        };
        let id = exclusions::create(conn, ctx, input).await?.id;
        if !self.enabled {
            exclusions::set_enabled(conn, ctx, id, false, REASON).await?;
        }
        Ok(id.into())
    }

    async fn update(&self, conn: &mut Conn, ctx: &Ctx<'_>, _: &Names, stored: &Stored<Self>) -> Result<(), AppError> {
        let id = stored.id.into();
        if (Self { enabled: stored.spec.enabled, ..self.clone() }) != stored.spec.clone().tidy() {
            let patch = ExclusionPatch {
                version: stored.version,
                name: Some(self.name.clone()),
                cidr: Some(self.cidr.clone()),
                ports: Some(self.ports.clone()),
                reason: Some(self.reason.clone()),
                expires_at: Some(self.expires_at),
            };
            exclusions::update(conn, ctx, id, patch).await?;
        }
        exclusions::set_enabled(conn, ctx, id, self.enabled, REASON).await.map(|_| ())
    }

    async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<(), AppError> {
        exclusions::delete(conn, ctx, id.into()).await
    }
}
