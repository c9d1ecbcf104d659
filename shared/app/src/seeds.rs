//! What every installation has from its first start: roles and alarm rules, as this version's code says.
use mipo_domain::ids::RoleId;
use mipo_domain::rights::BuiltInRole;
use mipo_store::Conn;
use mipo_store::config::roles;
use serde_json::json;

use crate::audit::{self, Entry};
use crate::{AppError, Ctx, alarms};

/// Stores built-in roles and alarm rules. Repeatable; the caller holds no other lock.
pub async fn identity(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<(), AppError> {
    alarms::seed_rules(conn).await?;
    let mut changed = Vec::new();
    for role in BuiltInRole::ALL {
        let id = RoleId::mint(ctx.clock, ctx.entropy);
        let scopes: Vec<String> = role.rights().iter().map(ToString::to_string).collect();
        if roles::put_built_in(conn, id, role.name(), role.description(), &scopes).await? {
            changed.push(role.name());
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let entry = Entry::change("seeded", "role", "built-in").diff(json!(null), json!({ "roles": changed }));
    audit::record(conn, ctx, entry).await
}
