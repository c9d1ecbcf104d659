//! FQDNs. What they resolved to is found out by each scan and stands in no document.
use mipo_domain::address::parse_cidr;
use mipo_store::Conn;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ScannerSpec;
use super::groups::{self, Holds as _};
use super::kind::{Kind, Names, Stored, all, names_of, sorted, text};
use crate::assignments::Assignment;
use crate::fields::Checks;
use crate::fqdns::{self, AssignmentPatch, Fqdn, FqdnPatch, NewFqdn};
use crate::{AppError, Ctx};

/// A host name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FqdnSpec {
    /// Its name.
    pub name: String,
    /// What is resolved.
    pub hostname: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Networks in which its addresses must lie; empty = anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_cidrs: Vec<String>,
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

/// Who scans a target, by ids.
pub(super) fn assignment(names: &Names, scanners: &[String], groups: &[String]) -> Result<Assignment, AppError> {
    let mut checks = Checks::new();
    let scanners = names.ids(&mut checks, "scanners", ScannerSpec::NAME, scanners);
    let groups = names.ids(&mut checks, "scanner_groups", groups::Scanners::NAME, groups);
    checks.done()?;
    Ok(Assignment { scanners, groups })
}

impl Kind for FqdnSpec {
    const NAME: &'static str = "FQDN";

    fn name(&self) -> &str {
        &self.name
    }

    fn tidy(mut self) -> Self {
        self.description = text(&self.description);
        self.hostname = self.hostname.trim().to_ascii_lowercase();
        let plain = |text: String| parse_cidr(&text).map_or(text, |net| net.to_string());
        self.allowed_cidrs = sorted(self.allowed_cidrs.into_iter().map(plain).collect());
        self.scanners = sorted(self.scanners);
        self.scanner_groups = sorted(self.scanner_groups);
        self
    }

    fn references(&mut self) -> Vec<(&'static str, &mut Vec<String>)> {
        vec![(ScannerSpec::NAME, &mut self.scanners), (groups::Scanners::NAME, &mut self.scanner_groups)]
    }

    async fn stored(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<Stored<Self>>, AppError> {
        let rows = all!(fqdns::list, conn, ctx);
        let stored = |row: Fqdn| Stored {
            id: row.id.into(),
            version: row.version,
            built_in: row.built_in,
            spec: Self {
                name: row.name,
                hostname: row.hostname,
                description: row.description,
                allowed_cidrs: row.allowed_cidrs.iter().map(ToString::to_string).collect(),
                rate_limit: row.rate_limit.into(),
                scanners: names_of(&row.scanners),
                scanner_groups: names_of(&row.scanner_groups),
            },
        };
        Ok(rows.into_iter().map(stored).collect())
    }

    async fn create(&self, conn: &mut Conn, ctx: &Ctx<'_>, names: &Names) -> Result<Uuid, AppError> {
        let input = NewFqdn {
            name: self.name.clone(),
            hostname: self.hostname.clone(),
            description: self.description.clone(),
            allowed_cidrs: self.allowed_cidrs.clone(),
            rate_limit: self.rate_limit,
            assignment: assignment(names, &self.scanners, &self.scanner_groups)?,
        };
        Ok(fqdns::create(conn, ctx, input).await?.id.into())
    }

    async fn update(
        &self,
        conn: &mut Conn,
        ctx: &Ctx<'_>,
        names: &Names,
        stored: &Stored<Self>,
    ) -> Result<(), AppError> {
        let assignment = assignment(names, &self.scanners, &self.scanner_groups)?;
        let patch = FqdnPatch {
            version: stored.version,
            name: Some(self.name.clone()),
            hostname: Some(self.hostname.clone()),
            description: Some(self.description.clone()),
            allowed_cidrs: Some(self.allowed_cidrs.clone()),
            rate_limit: Some(self.rate_limit),
            assignment: AssignmentPatch { scanners: Some(assignment.scanners), groups: Some(assignment.groups) },
        };
        fqdns::update(conn, ctx, stored.id.into(), patch).await.map(|_| ())
    }

    async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<(), AppError> {
        fqdns::delete(conn, ctx, id.into()).await
    }
}
