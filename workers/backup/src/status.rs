//! What the service can say about itself.
use std::path::Path;

use mipo_store::config::backup_settings;
use mipo_store::{Db, StoreError};
use serde::Serialize;

/// `GET /internal/status`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    /// Backups run only when somebody can decrypt them.
    enabled: bool,
    /// Why not, in words.
    reason: Option<&'static str>,
    recipients: Vec<String>,
    backup_dir: String,
    version: &'static str,
}

impl Status {
    pub(crate) async fn read(db: &Db, backup_dir: &Path) -> Result<Self, StoreError> {
        let mut tx = db.read("backup.status").await?;
        let recipients = backup_settings::recipients(&mut tx).await?;
        let off = recipients.is_empty();
        Ok(Self {
            enabled: !off,
            reason: off.then_some("backups are off until a recipient exists that can decrypt them"),
            recipients,
            backup_dir: backup_dir.display().to_string(),
            version: env!("CARGO_PKG_VERSION"),
        })
    }
}
