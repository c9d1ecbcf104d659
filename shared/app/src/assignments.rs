//! Who scans a target. Each scanner that is reached, directly or by a group, scans all of it, and once.
use std::collections::HashSet;

use mipo_store::Conn;
use mipo_store::config::assignments;
use mipo_store::config::groups::{self, GroupKind};
use mipo_store::lists::Named;
use serde_json::{Value, json};
use uuid::Uuid;

pub use mipo_store::config::assignments::Scanned;

use crate::AppError;
use crate::fields::Checks;

/// Scanners and scanner groups of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// Scanners.
    pub scanners: Vec<Uuid>,
    /// Scanner groups.
    pub groups: Vec<Uuid>,
}

impl Assignment {
    /// What is stored of a target.
    pub fn of(scanners: &[Named], groups: &[Named]) -> Self {
        let ids = |named: &[Named]| named.iter().map(|named| named.id).collect();
        Self { scanners: ids(scanners), groups: ids(groups) }
    }

    /// Refuses ids that name nothing, in the fields `scannerIds` and `scannerGroupIds`.
    pub(crate) async fn check(&self, conn: &mut Conn, checks: &mut Checks) -> Result<(), AppError> {
        let known: HashSet<Uuid> =
            groups::known(conn, GroupKind::Scanners, &self.scanners).await?.into_iter().collect();
        for (index, id) in self.scanners.iter().enumerate().filter(|(_, id)| !known.contains(*id)) {
            checks.refuse(format!("scannerIds[{index}]"), "unknown", format!("There is no scanner {id}."));
        }
        let known = groups::get_many(conn, GroupKind::Scanners, self.groups.clone()).await?;
        for (index, id) in self.groups.iter().enumerate() {
            if !known.iter().any(|group| group.id == *id) {
                checks.refuse(
                    format!("scannerGroupIds[{index}]"),
                    "unknown",
                    format!("There is no scanner group {id}."),
                );
            }
        }
        Ok(())
    }

    /// Stores it for `what`.
    pub(crate) async fn store(&self, conn: &mut Conn, what: Scanned) -> Result<(), AppError> {
        Ok(assignments::set(conn, what, &self.scanners, &self.groups).await?)
    }
}

/// The names, for an audit row.
pub(crate) fn shown(scanners: &[Named], groups: &[Named]) -> Value {
    let names = |named: &[Named]| named.iter().map(|named| named.name.clone()).collect::<Vec<_>>();
    json!({ "scanners": names(scanners), "scannerGroups": names(groups) })
}
