//! Subnets.
use mipo_domain::address::parse_cidr;
use mipo_store::Conn;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ScannerSpec;
use super::fqdns::assignment;
use super::groups::{self, Holds as _};
use super::kind::{Kind, Names, Stored, all, names_of, sorted, text};
use crate::subnets::{self, NewSubnet, SubnetPatch};
use crate::{AppError, Ctx};

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubnetSpec {
    /// Its name.
    pub name: String,
    /// The network.
    pub cidr: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Probes per second over all its scanners, 0 for no limit.
    #[serde(default)]
    pub rate_limit: i64,
    /// Names of the scanners that scan it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scanners: Vec<String>,
    /// Names of the scanner groups that scan it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scanner_groups: Vec<String>,
}

impl Kind for SubnetSpec {
    const NAME: &'static str = "subnet";

    fn name(&self) -> &str {
        &self.name
    }

    fn tidy(mut self) -> Self {
        self.description = text(&self.description);
        if let Ok(net) = parse_cidr(&self.cidr) {
            self.cidr = net.to_string();
        }
        self.scanners = sorted(self.scanners);
        self.scanner_groups = sorted(self.scanner_groups);
        self
    }

    fn references(&mut self) -> Vec<(&'static str, &mut Vec<String>)> {
        vec![(ScannerSpec::NAME, &mut self.scanners), (groups::Scanners::NAME, &mut self.scanner_groups)]
    }

    async fn stored(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<Stored<Self>>, AppError> {
        let rows = all!(subnets::list, conn, ctx);
        let stored = |row: subnets::Subnet| Stored {
            id: row.id.into(),
            version: row.version,
            built_in: row.built_in,
            spec: Self {
                name: row.name,
                cidr: row.cidr.to_string(),
                description: row.description,
                rate_limit: row.rate_limit.into(),
                scanners: names_of(&row.scanners),
                scanner_groups: names_of(&row.scanner_groups),
            },
        };
        Ok(rows.into_iter().map(stored).collect())
    }

    async fn create(&self, conn: &mut Conn, ctx: &Ctx<'_>, names: &Names) -> Result<Uuid, AppError> {
        let input = NewSubnet {
            name: self.name.clone(),
            cidr: self.cidr.clone(),
            description: self.description.clone(),
            rate_limit: self.rate_limit,
            assignment: assignment(names, &self.scanners, &self.scanner_groups)?,
        };
        Ok(subnets::create(conn, ctx, input).await?.id.into())
    }

    async fn update(
        &self,
        conn: &mut Conn,
        ctx: &Ctx<'_>,
        names: &Names,
        stored: &Stored<Self>,
    ) -> Result<(), AppError> {
        let id = stored.id.into();
        let patch = SubnetPatch {
            version: stored.version,
            name: Some(self.name.clone()),
            cidr: Some(self.cidr.clone()),
            description: Some(self.description.clone()),
            rate_limit: Some(self.rate_limit),
        };
        let row = subnets::update(conn, ctx, id, patch).await?;
        let before = stored.spec.clone().tidy();
        if (&self.scanners, &self.scanner_groups) != (&before.scanners, &before.scanner_groups) {
            let now = assignment(names, &self.scanners, &self.scanner_groups)?;
            subnets::assign_scanners(conn, ctx, id, row.version, now.scanners, Some(now.groups)).await?;
        }
        Ok(())
    }

    async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<(), AppError> {
        subnets::delete(conn, ctx, id.into()).await
    }
}
