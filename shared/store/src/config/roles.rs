//! Roles: named sets of rights.
use mipo_domain::ids::RoleId;

use crate::{Conn, StoreError};

/// A role as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// Its rights, as `resource:action`.
    pub scopes: Vec<String>,
    /// Shipped with mipo.
    pub built_in: bool,
}

/// The role of that name, in any case of letters.
pub async fn by_name(conn: &mut Conn, name: &str) -> Result<Option<Role>, StoreError> {
    let role = sqlx::query_as!(
        Role,
        "select id, name, scopes, built_in from config.roles where lower(name) = lower($1)",
        name
    )
    .fetch_optional(conn)
    .await?;
    Ok(role)
}

/// Makes the built-in role `name` what the code says: inserts it, or corrects it. True when something changed.
pub async fn put_built_in(
    conn: &mut Conn,
    id: RoleId,
    name: &str,
    description: &str,
    scopes: &[String],
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into config.roles as r (id, name, description, scopes, built_in) values ($1, $2, $3, $4, true)
         on conflict (lower(name)) do update
           set description = excluded.description, scopes = excluded.scopes, updated_at = now(), version = r.version + 1
           where r.built_in and (r.description, r.scopes) is distinct from (excluded.description, excluded.scopes)",
        id.as_uuid(),
        name,
        description,
        scopes
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
