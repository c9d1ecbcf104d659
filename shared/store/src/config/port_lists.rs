//! Port lists: ports that can be scanned.
use chrono::{DateTime, Utc};
use mipo_domain::ids::PortListId;
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::Referred;
use crate::lists::{Ask, Found, Named, Source};
use crate::{Conn, StoreError};

/// A port list. Ports are multiranges as text, such as `{[22,23),[80,81)}`; `mipo_domain::ports` reads them.
#[derive(Clone, Debug, FromRow)]
pub struct PortList {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: PortListId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// TCP ports.
    pub tcp_ports: String,
    /// UDP ports; kept, not scanned.
    pub udp_ports: String,
    /// Probes per second where it is used, 0 for no limit.
    pub rate_limit: i32,
    /// Entries of the port catalog whose ports were imported into it.
    pub catalog_imports: Json<Vec<Named>>,
    /// Shipped with mipo.
    pub built_in: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
    /// Counts edits.
    pub version: i32,
}

const SOURCE: Source = Source {
    select: "p.id, p.name, p.description, p.tcp_ports::text as tcp_ports, p.udp_ports::text as udp_ports, p.rate_limit,
      p.built_in, p.created_at, p.updated_at, p.version,
      coalesce((select json_agg(json_build_object('id', c.id, 'name', c.name) order by lower(c.name))
        from config.port_catalog c where c.id = any (p.catalog_imports)), '[]') as catalog_imports",
    from: "config.port_lists p",
    only: "true",
    key: "p.id",
    sort: &[
        ("name", "lower(p.name)"),
        ("description", "lower(p.description)"),
        (
            "ports",
            "(select coalesce(sum(upper(r) - lower(r)), 0) from unnest(p.tcp_ports) r)
             + (select coalesce(sum(upper(r) - lower(r)), 0) from unnest(p.udp_ports) r)",
        ),
        ("rateLimit", "nullif(p.rate_limit, 0)"),
        ("builtIn", "p.built_in"),
        ("created", "p.created_at"),
    ],
    filters: &[("builtIn", "p.built_in")],
    search: &["p.name", "p.description"],
};

/// A page of port lists.
pub async fn list(conn: &mut Conn, ask: &Ask) -> Result<Found<PortList>, StoreError> {
    SOURCE.find(conn, ask).await
}

/// One port list.
pub async fn get(conn: &mut Conn, id: PortListId) -> Result<Option<PortList>, StoreError> {
    SOURCE.one(conn, id.as_uuid()).await
}

/// Those of `ids` that exist.
pub async fn get_many(conn: &mut Conn, ids: Vec<Uuid>) -> Result<Vec<PortList>, StoreError> {
    SOURCE.many(conn, ids).await
}

/// The values of a column to filter by.
pub async fn values(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    SOURCE.values(conn, column).await
}

/// What is stored of a port list.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// TCP ports, a multirange as text.
    pub tcp_ports: String,
    /// UDP ports, a multirange as text.
    pub udp_ports: String,
    /// Probes per second, 0 for no limit.
    pub rate_limit: i32,
    /// Entries of the port catalog whose ports were imported into it.
    pub catalog_imports: Vec<Uuid>,
    /// Shipped with mipo.
    pub built_in: bool,
}

/// Stores a new port list.
pub async fn insert(conn: &mut Conn, id: PortListId, fields: &Fields) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.port_lists (id, name, description, tcp_ports, udp_ports, rate_limit, catalog_imports, built_in)
         values ($1, $2, $3, $4::text::int4multirange, $5::text::int4multirange, $6, $7, $8)",
        id.as_uuid(),
        fields.name,
        fields.description,
        fields.tcp_ports,
        fields.udp_ports,
        fields.rate_limit,
        &fields.catalog_imports,
        fields.built_in
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores a built-in list unless one of its name is there; true when it was missing.
pub async fn insert_missing(conn: &mut Conn, id: PortListId, fields: &Fields) -> Result<bool, StoreError> {
    let known = sqlx::query_scalar!(
        r#"select exists(select 1 from config.port_lists where lower(name) = lower($1)) as "known!""#,
        fields.name
    )
    .fetch_one(&mut *conn)
    .await?;
    if !known {
        insert(conn, id, fields).await?;
    }
    Ok(!known)
}

/// Stores an edit of version `version`; false when somebody else was first.
pub async fn update(conn: &mut Conn, id: PortListId, version: i32, fields: &Fields) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.port_lists
         set name = $3, description = $4, tcp_ports = $5::text::int4multirange, udp_ports = $6::text::int4multirange,
             rate_limit = $7, catalog_imports = $8, version = version + 1, updated_at = now()
         where id = $1 and version = $2",
        id.as_uuid(),
        version,
        fields.name,
        fields.description,
        fields.tcp_ports,
        fields.udp_ports,
        fields.rate_limit,
        &fields.catalog_imports
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a port list that nothing refers to.
pub async fn delete(conn: &mut Conn, id: PortListId) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from config.port_lists where id = $1", id.as_uuid()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// What refers to a port list.
pub async fn referrers(conn: &mut Conn, id: PortListId) -> Result<Vec<Referred>, StoreError> {
    let rows = sqlx::query_as!(
        Referred,
        r#"select 'scan template' as "kind!", t.id::text as "id!", t.name as "name!"
           from config.scan_template_ports x join config.scan_templates t on t.id = x.template_id where x.port_list_id = $1
           union all
           select 'port list group', g.id::text, g.name
           from config.port_list_group_members x join config.port_list_groups g on g.id = x.group_id where x.port_list_id = $1
           order by 1, 3"#,
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
