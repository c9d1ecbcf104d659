//! Discovery sources, their lists, and the addresses on them, for people.
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use mipo_domain::ids::{DiscoveryListId, DiscoverySourceId};
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::Referred;
use crate::lists::{Ask, COUNT_LIMIT, Found, Named, Source};
use crate::{Conn, StoreError};

/// A discovery source. Its key is not in it, only the part that finds it.
#[derive(Clone, Debug, FromRow)]
pub struct DiscoverySource {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: DiscoverySourceId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The start of its key.
    pub key_prefix: String,
    /// Its calls are answered.
    pub enabled: bool,
    /// When it last pushed addresses.
    pub last_push_at: Option<DateTime<Utc>>,
    /// How many lists it has.
    pub lists: i64,
    /// How many addresses they hold together.
    pub ip_count: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
    /// Counts edits.
    pub version: i32,
}

const SOURCES: Source = Source {
    select:
        "d.id, d.name, d.description, d.key_prefix, d.enabled, d.last_push_at, d.created_at, d.updated_at, d.version,
      (select count(*) from config.discovery_lists l where l.source_id = d.id) as lists,
      (select coalesce(sum(l.ip_count), 0) from config.discovery_lists l where l.source_id = d.id) as ip_count",
    from: "config.discovery_sources d",
    only: "true",
    key: "d.id",
    sort: &[
        ("name", "lower(d.name)"),
        ("description", "lower(d.description)"),
        ("lists", "(select count(*) from config.discovery_lists l where l.source_id = d.id)"),
        ("ips", "(select coalesce(sum(l.ip_count), 0) from config.discovery_lists l where l.source_id = d.id)"),
        ("lastPush", "d.last_push_at"),
        ("enabled", "d.enabled"),
        ("created", "d.created_at"),
    ],
    filters: &[("enabled", "d.enabled")],
    search: &["d.name", "d.description"],
};

/// A page of sources.
pub async fn sources(conn: &mut Conn, ask: &Ask) -> Result<Found<DiscoverySource>, StoreError> {
    SOURCES.find(conn, ask).await
}

/// One source.
pub async fn source(conn: &mut Conn, id: DiscoverySourceId) -> Result<Option<DiscoverySource>, StoreError> {
    SOURCES.one(conn, id.as_uuid()).await
}

/// The values of a column of sources to filter by.
pub async fn source_values(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    SOURCES.values(conn, column).await
}

/// The key of a source as it is stored.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    /// What finds the row.
    pub prefix: &'a str,
    /// SHA-256 of the whole key.
    pub hash: &'a [u8],
}

/// What people say of a source.
#[derive(Clone, Debug)]
pub struct SourceFields {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its calls are answered.
    pub enabled: bool,
}

/// Stores a new source with its key.
pub async fn insert_source(
    conn: &mut Conn,
    id: DiscoverySourceId,
    fields: &SourceFields,
    key: Key<'_>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.discovery_sources (id, name, description, enabled, key_prefix, key_hash) values ($1, $2, $3, $4, $5, $6)",
        id.as_uuid(),
        fields.name,
        fields.description,
        fields.enabled,
        key.prefix,
        key.hash
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores an edit of version `version`; false when somebody else was first.
pub async fn update_source(
    conn: &mut Conn,
    id: DiscoverySourceId,
    version: i32,
    fields: &SourceFields,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.discovery_sources set name = $3, description = $4, enabled = $5, version = version + 1, updated_at = now()
         where id = $1 and version = $2",
        id.as_uuid(),
        version,
        fields.name,
        fields.description,
        fields.enabled
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Replaces the key of a source; the one before works no more.
pub async fn set_key(conn: &mut Conn, id: DiscoverySourceId, key: Key<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.discovery_sources set key_prefix = $2, key_hash = $3, version = version + 1, updated_at = now() where id = $1",
        id.as_uuid(),
        key.prefix,
        key.hash
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes a source with its lists, which nothing may refer to.
pub async fn delete_source(conn: &mut Conn, id: DiscoverySourceId) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from config.discovery_sources where id = $1", id.as_uuid()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// What refers to a list of the source.
pub async fn source_referrers(conn: &mut Conn, id: DiscoverySourceId) -> Result<Vec<Referred>, StoreError> {
    let rows = sqlx::query_as!(
        Referred,
        r#"select distinct 'scan template' as "kind!", t.id::text as "id!", t.name as "name!"
           from config.discovery_lists l join config.scan_template_targets x on x.discovery_list_id = l.id
           join config.scan_templates t on t.id = x.template_id where l.source_id = $1 order by 1, 3"#,
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// A discovery list.
#[derive(Clone, Debug, FromRow)]
pub struct DiscoveryList {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: DiscoveryListId,
    /// Whose it is.
    pub source: Json<Named>,
    /// Its name.
    pub name: String,
    /// The scanner that scans it, unless a group does.
    pub scanner: Option<Json<Named>>,
    /// The scanner group whose members scan it.
    pub scanner_group: Option<Json<Named>>,
    /// Probes per second over all its scanners, 0 for no limit.
    pub rate_limit: i32,
    /// How many addresses it holds.
    pub ip_count: i32,
    /// When addresses were last pushed to it.
    pub last_push_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
    /// Counts edits.
    pub version: i32,
}

const LISTS: Source = Source {
    select: "l.id, l.name, l.rate_limit, l.ip_count, l.last_push_at, l.created_at, l.updated_at, l.version,
      json_build_object('id', d.id, 'name', d.name) as source,
      case when s.id is not null then json_build_object('id', s.id, 'name', s.name) end as scanner,
      case when g.id is not null then json_build_object('id', g.id, 'name', g.name) end as scanner_group",
    from:
        "config.discovery_lists l join config.discovery_sources d on d.id = l.source_id
      left join config.scanners s on s.id = l.scanner_id left join config.scanner_groups g on g.id = l.scanner_group_id",
    only: "true",
    key: "l.id",
    sort: &[
        ("name", "lower(l.name)"),
        ("source", "lower(d.name)"),
        ("scanner", "lower(coalesce(s.name, g.name))"),
        ("ips", "l.ip_count"),
        ("rateLimit", "nullif(l.rate_limit, 0)"),
        ("lastPush", "l.last_push_at"),
        ("created", "l.created_at"),
    ],
    filters: &[("source", "d.name"), ("scanner", "coalesce(s.name, g.name)")],
    search: &["l.name", "d.name"],
};

/// A page of lists.
pub async fn lists(conn: &mut Conn, ask: &Ask) -> Result<Found<DiscoveryList>, StoreError> {
    LISTS.find(conn, ask).await
}

/// One list.
pub async fn list(conn: &mut Conn, id: DiscoveryListId) -> Result<Option<DiscoveryList>, StoreError> {
    LISTS.one(conn, id.as_uuid()).await
}

/// The values of a column of lists to filter by.
pub async fn list_values(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    LISTS.values(conn, column).await
}

/// Stores an edit of version `version` of a list; false when somebody else was first.
pub async fn update_list(
    conn: &mut Conn,
    id: DiscoveryListId,
    version: i32,
    rate_limit: i32,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.discovery_lists set rate_limit = $3, version = version + 1, updated_at = now() where id = $1 and version = $2",
        id.as_uuid(),
        version,
        rate_limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a list that nothing refers to, with its addresses.
pub async fn delete_list(conn: &mut Conn, id: DiscoveryListId) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from config.discovery_lists where id = $1", id.as_uuid()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// What refers to a list.
pub async fn list_referrers(conn: &mut Conn, id: DiscoveryListId) -> Result<Vec<Referred>, StoreError> {
    let rows = sqlx::query_as!(
        Referred,
        r#"select 'scan template' as "kind!", t.id::text as "id!", t.name as "name!"
           from config.scan_template_targets x join config.scan_templates t on t.id = x.template_id
           where x.discovery_list_id = $1 order by 1, 3"#,
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// An address on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The address.
    pub ip: IpAddr,
    /// When it was first pushed.
    pub first_seen_at: DateTime<Utc>,
    /// When it was last pushed.
    pub last_seen_at: DateTime<Utc>,
}

/// Addresses on a list in their order, those in `within` alone when it is given. Totals are exact up to
/// [`COUNT_LIMIT`], and for a whole list.
pub async fn ips(
    conn: &mut Conn,
    list: &DiscoveryList,
    within: Option<IpNet>,
    limit: i64,
    offset: i64,
) -> Result<Found<Seen>, StoreError> {
    let rows = sqlx::query!(
        r#"select ip as "ip: IpNet", first_seen_at, last_seen_at from config.discovery_ips
           where list_id = $1 and ($2::inet is null or ip <<= $2) order by ip limit $3 offset $4"#,
        list.id.as_uuid(),
        within as Option<IpNet>,
        limit,
        offset
    )
    .fetch_all(&mut *conn)
    .await?;
    let items = rows
        .into_iter()
        .map(|row| Seen { ip: row.ip.addr(), first_seen_at: row.first_seen_at, last_seen_at: row.last_seen_at })
        .collect();
    let total = match within {
        None => i64::from(list.ip_count),
        Some(within) => {
            sqlx::query_scalar!(
                r#"select count(*) as "count!" from (select from config.discovery_ips where list_id = $1 and ip <<= $2 limit $3) x"#,
                list.id.as_uuid(),
                within as IpNet,
                COUNT_LIMIT
            )
            .fetch_one(conn)
            .await?
        }
    };
    Ok(Found { items, total, total_is_estimate: within.is_some() && total == COUNT_LIMIT })
}
