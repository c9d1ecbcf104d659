//! Scan templates. Those of ad-hoc scans belong to their scans and stand in no document.
use mipo_store::Conn;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::kind::{Kind, Names, Stored, all, names_of, sorted, text};
use super::{PortListSpec, SubnetSpec};
use crate::fields::Checks;
use crate::templates::{self, NewTemplate, ScanTemplate, Sources, TemplatePatch};
use crate::{AppError, Ctx};

/// A scan template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateSpec {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Names of subnets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<String>,
    /// Names of port lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub port_lists: Vec<String>,
}

impl TemplateSpec {
    fn sources(&self, names: &Names) -> Result<Sources, AppError> {
        let mut checks = Checks::new();
        let sources = Sources {
            subnets: names.ids(&mut checks, "subnets", SubnetSpec::NAME, &self.subnets),
            port_lists: names.ids(&mut checks, "port_lists", PortListSpec::NAME, &self.port_lists),
            ..Sources::default()
        };
        checks.done()?;
        Ok(sources)
    }
}

impl Kind for TemplateSpec {
    const NAME: &'static str = "scan template";

    fn name(&self) -> &str {
        &self.name
    }

    fn tidy(mut self) -> Self {
        self.description = text(&self.description);
        self.subnets = sorted(self.subnets);
        self.port_lists = sorted(self.port_lists);
        self
    }

    fn references(&mut self) -> Vec<(&'static str, &mut Vec<String>)> {
        vec![(SubnetSpec::NAME, &mut self.subnets), (PortListSpec::NAME, &mut self.port_lists)]
    }

    async fn stored(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<Stored<Self>>, AppError> {
        let rows = all!(templates::list, conn, ctx);
        let stored = |row: ScanTemplate| Stored {
            id: row.id.into(),
            version: row.version,
            built_in: row.built_in,
            spec: Self {
                subnets: names_of(&row.subnets),
                port_lists: names_of(&row.port_lists),
                name: row.name,
                description: row.description,
            },
        };
        Ok(rows.into_iter().map(stored).collect())
    }

    async fn create(&self, conn: &mut Conn, ctx: &Ctx<'_>, names: &Names) -> Result<Uuid, AppError> {
        let input = NewTemplate {
            name: self.name.clone(),
            description: self.description.clone(),
            sources: self.sources(names)?,
        };
        Ok(templates::create(conn, ctx, input).await?.id.into())
    }

    async fn update(
        &self,
        conn: &mut Conn,
        ctx: &Ctx<'_>,
        names: &Names,
        stored: &Stored<Self>,
    ) -> Result<(), AppError> {
        let sources = self.sources(names)?;
        let patch = TemplatePatch {
            version: stored.version,
            name: Some(self.name.clone()),
            description: Some(self.description.clone()),
            subnets: Some(sources.subnets),
            port_lists: Some(sources.port_lists),
        };
        templates::update(conn, ctx, stored.id.into(), patch).await.map(|_| ())
    }

    async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<(), AppError> {
        templates::delete(conn, ctx, id.into()).await
    }
}
