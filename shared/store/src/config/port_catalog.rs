//! The port catalog: named ports to put into port lists. It is never scanned by itself.
use chrono::{DateTime, Utc};
use mipo_domain::ids::PortCatalogId;
use sqlx::FromRow;
use uuid::Uuid;

use super::Referred;
use crate::lists::{Ask, Found, Named, Source};
use crate::{Conn, StoreError};

/// An entry of the port catalog. Ports are multiranges as text, such as `{[22,23),[80,81)}`; `mipo_domain::ports` reads them.
#[derive(Clone, Debug, FromRow)]
pub struct Entry {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: PortCatalogId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// TCP ports.
    pub tcp_ports: String,
    /// UDP ports; kept, not scanned.
    pub udp_ports: String,
    /// Where it is known from.
    pub sources: Vec<String>,
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
    select: "p.id, p.name, p.description, p.tcp_ports::text as tcp_ports, p.udp_ports::text as udp_ports, p.sources,
      p.built_in, p.created_at, p.updated_at, p.version",
    from: "config.port_catalog p",
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
        ("builtIn", "p.built_in"),
        ("created", "p.created_at"),
    ],
    filters: &[
        ("builtIn", "p.built_in"),
        ("protocol", "case when isempty(p.udp_ports) then 'tcp' when isempty(p.tcp_ports) then 'udp' else 'both' end"),
    ],
    search: &["p.name", "p.description", "translate((p.tcp_ports + p.udp_ports)::text, '{[,)}', '     ')"],
};

/// A page of entries of the port catalog.
pub async fn list(conn: &mut Conn, ask: &Ask) -> Result<Found<Entry>, StoreError> {
    SOURCE.find(conn, ask).await
}

/// One entry.
pub async fn get(conn: &mut Conn, id: PortCatalogId) -> Result<Option<Entry>, StoreError> {
    SOURCE.one(conn, id.as_uuid()).await
}

/// Those of `ids` that exist.
pub async fn get_many(conn: &mut Conn, ids: Vec<Uuid>) -> Result<Vec<Entry>, StoreError> {
    SOURCE.many(conn, ids).await
}

/// The values of a column to filter by.
pub async fn values(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    SOURCE.values(conn, column).await
}

/// What is stored of an entry of the port catalog.
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
    /// Where it is known from.
    pub sources: Vec<String>,
    /// Shipped with mipo.
    pub built_in: bool,
}

/// Stores a new entry.
pub async fn insert(conn: &mut Conn, id: PortCatalogId, fields: &Fields) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.port_catalog (id, name, description, tcp_ports, udp_ports, sources, built_in)
         values ($1, $2, $3, $4::text::int4multirange, $5::text::int4multirange, $6, $7)",
        id.as_uuid(),
        fields.name,
        fields.description,
        fields.tcp_ports,
        fields.udp_ports,
        &fields.sources,
        fields.built_in
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores many new entries in one statement.
pub async fn insert_many(conn: &mut Conn, entries: &[(PortCatalogId, Fields)]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = entries.iter().map(|(id, _)| id.as_uuid()).collect();
    let texts = |of: fn(&Fields) -> String| entries.iter().map(|(_, fields)| of(fields)).collect::<Vec<_>>();
    // An array of arrays is no list of lists: the sources travel as lines.
    let sources = texts(|fields| fields.sources.join("\n"));
    let built_in: Vec<bool> = entries.iter().map(|(_, fields)| fields.built_in).collect();
    sqlx::query!(
        "insert into config.port_catalog (id, name, description, tcp_ports, udp_ports, sources, built_in)
         select id, name, description, tcp::int4multirange, udp::int4multirange, string_to_array(sources, e'\\n'), built_in
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[])
           as e (id, name, description, tcp, udp, sources, built_in)",
        &ids,
        &texts(|fields| fields.name.clone()),
        &texts(|fields| fields.description.clone()),
        &texts(|fields| fields.tcp_ports.clone()),
        &texts(|fields| fields.udp_ports.clone()),
        &sources,
        &built_in
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores an edit of version `version`; false when somebody else was first.
pub async fn update(conn: &mut Conn, id: PortCatalogId, version: i32, fields: &Fields) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.port_catalog
         set name = $3, description = $4, tcp_ports = $5::text::int4multirange, udp_ports = $6::text::int4multirange,
             sources = $7, version = version + 1, updated_at = now()
         where id = $1 and version = $2",
        id.as_uuid(),
        version,
        fields.name,
        fields.description,
        fields.tcp_ports,
        fields.udp_ports,
        &fields.sources
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes an entry of the port catalog that nothing refers to.
pub async fn delete(conn: &mut Conn, id: PortCatalogId) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from config.port_catalog where id = $1", id.as_uuid()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// What refers to an entry of the port catalog: the lists that remember that its ports were imported.
pub async fn referrers(conn: &mut Conn, id: PortCatalogId) -> Result<Vec<Referred>, StoreError> {
    let rows = sqlx::query_as!(
        Referred,
        r#"select 'port list' as "kind!", p.id::text as "id!", p.name as "name!"
           from config.port_lists p where $1 = any (p.catalog_imports) order by lower(p.name)"#,
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// The names of all entries, for somebody who types one.
pub async fn names(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!("select name from config.port_catalog order by lower(name)").fetch_all(conn).await?)
}

/// The entries of these names, whatever their case.
pub async fn by_names(conn: &mut Conn, names: &[String]) -> Result<Vec<Named>, StoreError> {
    let lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    Ok(sqlx::query_as!(Named, "select id, name from config.port_catalog where lower(name) = any($1)", &lower)
        .fetch_all(conn)
        .await?)
}
