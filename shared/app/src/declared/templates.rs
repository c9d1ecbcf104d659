//! Scan templates. Those of ad-hoc scans belong to their scans and stand in no document.
use mipo_store::Conn;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::groups::{self, Holds as _};
use super::kind::{Kind, Names, Stored, all, names_of, sorted, text};
use super::{FqdnSpec, PortListSpec, SubnetSpec};
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
    /// Names of subnet groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnet_groups: Vec<String>,
    /// Names of FQDNs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fqdns: Vec<String>,
    /// Names of FQDN groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fqdn_groups: Vec<String>,
    /// Names of port lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub port_lists: Vec<String>,
    /// Names of port list groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub port_list_groups: Vec<String>,
}

impl TemplateSpec {
    fn sources(&self, names: &Names) -> Result<Sources, AppError> {
        let mut checks = Checks::new();
        let sources = Sources {
            subnets: names.ids(&mut checks, "subnets", SubnetSpec::NAME, &self.subnets),
            subnet_groups: names.ids(&mut checks, "subnet_groups", groups::Subnets::NAME, &self.subnet_groups),
            fqdns: names.ids(&mut checks, "fqdns", FqdnSpec::NAME, &self.fqdns),
            fqdn_groups: names.ids(&mut checks, "fqdn_groups", groups::Fqdns::NAME, &self.fqdn_groups),
            port_list_groups: names.ids(
                &mut checks,
                "port_list_groups",
                groups::PortLists::NAME,
                &self.port_list_groups,
            ),
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
        self.subnet_groups = sorted(self.subnet_groups);
        self.fqdns = sorted(self.fqdns);
        self.fqdn_groups = sorted(self.fqdn_groups);
        self.port_lists = sorted(self.port_lists);
        self.port_list_groups = sorted(self.port_list_groups);
        self
    }

    fn references(&mut self) -> Vec<(&'static str, &mut Vec<String>)> {
        vec![
            (SubnetSpec::NAME, &mut self.subnets),
            (groups::Subnets::NAME, &mut self.subnet_groups),
            (FqdnSpec::NAME, &mut self.fqdns),
            (groups::Fqdns::NAME, &mut self.fqdn_groups),
            (PortListSpec::NAME, &mut self.port_lists),
            (groups::PortLists::NAME, &mut self.port_list_groups),
        ]
    }

    async fn stored(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<Stored<Self>>, AppError> {
        let rows = all!(templates::list, conn, ctx);
        let stored = |row: ScanTemplate| Stored {
            id: row.id.into(),
            version: row.version,
            built_in: row.built_in,
            spec: Self {
                subnets: names_of(&row.subnets),
                subnet_groups: names_of(&row.subnet_groups),
                fqdns: names_of(&row.fqdns),
                fqdn_groups: names_of(&row.fqdn_groups),
                port_lists: names_of(&row.port_lists),
                port_list_groups: names_of(&row.port_list_groups),
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
            subnet_groups: Some(sources.subnet_groups),
            fqdns: Some(sources.fqdns),
            fqdn_groups: Some(sources.fqdn_groups),
            port_lists: Some(sources.port_lists),
            discovery_lists: None,
            port_list_groups: Some(sources.port_list_groups),
        };
        templates::update(conn, ctx, stored.id.into(), patch).await.map(|_| ())
    }

    async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<(), AppError> {
        templates::delete(conn, ctx, id.into()).await
    }
}
