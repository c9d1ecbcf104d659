//! Scanners: their settings. Keys, tokens and addresses belong to machines and stand in no document.
use mipo_store::Conn;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::kind::{Kind, Names, Stored, all, text};
use crate::scanners::{self, NewScanner, ScannerPatch};
use crate::{AppError, Ctx};

/// A scanner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScannerSpec {
    /// Its name.
    pub name: String,
    /// Where it stands and what it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// `ip`, `subnet` or `none`.
    #[serde(default = "default_binding")]
    pub binding_mode: String,
    /// Probes per second, 0 for no limit.
    #[serde(default)]
    pub rate_limit: i64,
    /// Jobs that it works on at once.
    #[serde(default = "one")]
    pub max_concurrent_jobs: i64,
}

fn default_binding() -> String {
    NewScanner::default().binding_mode
}

const fn one() -> i64 {
    1
}

impl Kind for ScannerSpec {
    const NAME: &'static str = "scanner";

    fn name(&self) -> &str {
        &self.name
    }

    fn tidy(mut self) -> Self {
        self.description = text(&self.description);
        self
    }

    async fn stored(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<Stored<Self>>, AppError> {
        let rows = all!(scanners::list, conn, ctx);
        let stored = |row: scanners::Scanner| Stored {
            id: row.id.into(),
            version: row.version,
            built_in: false,
            spec: Self {
                name: row.name,
                description: row.description,
                binding_mode: row.binding_mode,
                rate_limit: row.rate_limit.into(),
                max_concurrent_jobs: row.max_concurrent_jobs.into(),
            },
        };
        Ok(rows.into_iter().map(stored).collect())
    }

    async fn create(&self, conn: &mut Conn, ctx: &Ctx<'_>, _: &Names) -> Result<Uuid, AppError> {
        let input = NewScanner {
            name: self.name.clone(),
            description: self.description.clone(),
            binding_mode: self.binding_mode.clone(),
            rate_limit: self.rate_limit,
            max_concurrent_jobs: self.max_concurrent_jobs,
            ..NewScanner::default()
        };
        // Its token is not shown to anybody: whoever sets the machine up makes one on the scanner's page.
        Ok(scanners::create(conn, ctx, input).await?.scanner.id.into())
    }

    async fn update(&self, conn: &mut Conn, ctx: &Ctx<'_>, _: &Names, stored: &Stored<Self>) -> Result<(), AppError> {
        let patch = ScannerPatch {
            version: stored.version,
            name: Some(self.name.clone()),
            description: Some(self.description.clone()),
            binding_mode: Some(self.binding_mode.clone()),
            rate_limit: Some(self.rate_limit),
            max_concurrent_jobs: Some(self.max_concurrent_jobs),
        };
        scanners::update(conn, ctx, stored.id.into(), patch).await.map(|_| ())
    }

    async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: Uuid) -> Result<(), AppError> {
        scanners::delete(conn, ctx, id.into()).await
    }
}
