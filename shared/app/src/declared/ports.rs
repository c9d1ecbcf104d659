//! Port lists.
use mipo_domain::ports::Ports;
use mipo_store::Conn;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::kind::{Kind, Names, Stored, all, text};
use crate::port_lists::{self, NewPortList, PortListPatch};
use crate::{AppError, Ctx};

/// A port list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortListSpec {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// `22,80,8000-8100`
    pub ports: String,
    /// Probes per second where it is used, 0 for no limit.
    #[serde(default)]
    pub rate_limit: i64,
}

impl Kind for PortListSpec {
    const NAME: &'static str = "port list";

    fn name(&self) -> &str {
        &self.name
    }

    fn tidy(mut self) -> Self {
        self.description = text(&self.description);
        if let Ok(ports) = Ports::parse(&self.ports) {
            self.ports = ports.to_string();
        }
        self
    }

    async fn stored(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<Stored<Self>>, AppError> {
        let rows = all!(port_lists::list, conn, ctx);
        let stored = |row: port_lists::PortList| {
            let ports = port_lists::ports_of(&row)?.to_string();
            Ok(Stored {
                id: row.id.into(),
                version: row.version,
                built_in: row.built_in,
                spec: Self { name: row.name, description: row.description, ports, rate_limit: row.rate_limit.into() },
            })
        };
        rows.into_iter().map(stored).collect()
    }

    async fn create(&self, conn: &mut Conn, ctx: &Ctx<'_>, _: &Names) -> Result<Uuid, AppError> {
        let input = NewPortList {
            name: self.name.clone(),
            description: self.description.clone(),
            ports: self.ports.clone(),
            rate_limit: self.rate_limit,
            ..NewPortList::default()
        };
        Ok(port_lists::create(conn, ctx, input).await?.id.into())
    }

    async fn update(&self, conn: &mut Conn, ctx: &Ctx<'_>, _: &Names, stored: &Stored<Self>) -> Result<(), AppError> {
        let patch = PortListPatch {
            version: stored.version,
            name: Some(self.name.clone()),
            description: Some(self.description.clone()),
            ports: Some(self.ports.clone()),
            rate_limit: Some(self.rate_limit),
            ..PortListPatch::default()
        };
        port_lists::update(conn, ctx, stored.id.into(), patch).await.map(|_| ())
    }

    async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<(), AppError> {
        port_lists::delete(conn, ctx, id.into()).await
    }
}
