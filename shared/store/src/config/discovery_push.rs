//! What discovery sources do by their keys: lists, and the addresses on them. As `mipo_ingest`.
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use mipo_domain::ids::{DiscoveryListId, DiscoverySourceId};
use uuid::Uuid;

use crate::{Conn, StoreError};

/// The source that a key belongs to. It has no Debug output, because it holds a hash.
#[derive(Clone)]
pub struct Pusher {
    /// Its id.
    pub id: DiscoverySourceId,
    /// Its name.
    pub name: String,
    /// Its calls are answered.
    pub enabled: bool,
    /// SHA-256 of its key.
    pub key_hash: Vec<u8>,
}

/// The source whose key starts with `prefix`.
pub async fn find(conn: &mut Conn, prefix: &str) -> Result<Option<Pusher>, StoreError> {
    Ok(sqlx::query_as!(
        Pusher,
        "select id, name, enabled, key_hash from config.discovery_sources where key_prefix = $1",
        prefix
    )
    .fetch_optional(conn)
    .await?)
}

/// Who scans a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A scanner.
    Scanner(Uuid),
    /// The members of a scanner group.
    Group(Uuid),
}

/// A list as its source sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnList {
    /// Its id.
    pub id: DiscoveryListId,
    /// Its name.
    pub name: String,
    /// The scanner, unless it is a group.
    pub scanner_id: Option<Uuid>,
    /// Its name.
    pub scanner: Option<String>,
    /// The scanner group.
    pub scanner_group_id: Option<Uuid>,
    /// Its name.
    pub scanner_group: Option<String>,
    /// How many addresses it holds.
    pub ip_count: i32,
    /// When addresses were last pushed to it.
    pub last_push_at: Option<DateTime<Utc>>,
}

/// The scanner of this name, whatever its case.
pub async fn scanner(conn: &mut Conn, name: &str) -> Result<Option<By>, StoreError> {
    let id = sqlx::query_scalar!("select id from config.scanners where lower(name) = lower($1)", name);
    Ok(id.fetch_optional(conn).await?.map(By::Scanner))
}

/// The scanner group of this name, whatever its case.
pub async fn group(conn: &mut Conn, name: &str) -> Result<Option<By>, StoreError> {
    let id = sqlx::query_scalar!("select id from config.scanner_groups where lower(name) = lower($1)", name);
    Ok(id.fetch_optional(conn).await?.map(By::Group))
}

/// The lists of a source by name; only the one called `name` when that is given.
pub async fn lists(conn: &mut Conn, source: DiscoverySourceId, name: Option<&str>) -> Result<Vec<OwnList>, StoreError> {
    Ok(sqlx::query_as!(
        OwnList,
        r#"select l.id, l.name, l.scanner_id, s.name as "scanner?", l.scanner_group_id, g.name as "scanner_group?",
             l.ip_count, l.last_push_at
           from config.discovery_lists l left join config.scanners s on s.id = l.scanner_id
           left join config.scanner_groups g on g.id = l.scanner_group_id
           where l.source_id = $1 and ($2::text is null or lower(l.name) = lower($2)) order by lower(l.name)"#,
        source.as_uuid(),
        name
    )
    .fetch_all(conn)
    .await?)
}

/// Makes a list; false when the source has one of this name already.
pub async fn insert(
    conn: &mut Conn,
    id: DiscoveryListId,
    source: DiscoverySourceId,
    name: &str,
    by: By,
) -> Result<bool, StoreError> {
    let (scanner, group) = match by {
        By::Scanner(id) => (Some(id), None),
        By::Group(id) => (None, Some(id)),
    };
    let done = sqlx::query!(
        "insert into config.discovery_lists (id, source_id, name, scanner_id, scanner_group_id) values ($1, $2, $3, $4, $5)
         on conflict (source_id, lower(name)) do nothing",
        id.as_uuid(),
        source.as_uuid(),
        name,
        scanner,
        group
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Locks a list until the end of the transaction, so that pushes to it follow each other; how many addresses it holds.
pub async fn lock(conn: &mut Conn, list: DiscoveryListId) -> Result<Option<i32>, StoreError> {
    Ok(sqlx::query_scalar!("select ip_count from config.discovery_lists where id = $1 for update", list.as_uuid())
        .fetch_optional(conn)
        .await?)
}

fn networks(ips: &[IpAddr]) -> Vec<IpNet> {
    ips.iter().copied().map(IpNet::from).collect()
}

/// Marks those of `ips` that the list has already as seen, and answers them.
pub async fn refresh(
    conn: &mut Conn,
    list: DiscoveryListId,
    ips: &[IpAddr],
    at: DateTime<Utc>,
) -> Result<Vec<IpAddr>, StoreError> {
    let rows = sqlx::query_scalar!(
        r#"update config.discovery_ips set last_seen_at = $3 where list_id = $1 and ip = any($2) returning ip as "ip: IpNet""#,
        list.as_uuid(),
        &networks(ips) as &[IpNet],
        at
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|net| net.addr()).collect())
}

/// Puts addresses on the list that are not there yet.
pub async fn add(conn: &mut Conn, list: DiscoveryListId, ips: &[IpAddr], at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.discovery_ips (list_id, ip, first_seen_at, last_seen_at) select $1, unnest($2::inet[]), $3, $3",
        list.as_uuid(),
        &networks(ips) as &[IpNet],
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps that something was pushed, and how many addresses the list holds now.
pub async fn pushed(
    conn: &mut Conn,
    source: DiscoverySourceId,
    list: DiscoveryListId,
    count: i32,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update config.discovery_lists set ip_count = $2, last_push_at = $3, updated_at = now() where id = $1",
        list.as_uuid(),
        count,
        at
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update config.discovery_sources set last_push_at = $2, updated_at = now() where id = $1",
        source.as_uuid(),
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the addresses away that were last seen before `at`; answers how many.
pub async fn delete_older(conn: &mut Conn, list: DiscoveryListId, at: DateTime<Utc>) -> Result<i32, StoreError> {
    let done =
        sqlx::query!("delete from config.discovery_ips where list_id = $1 and last_seen_at < $2", list.as_uuid(), at)
            .execute(&mut *conn)
            .await?;
    let deleted = i32::try_from(done.rows_affected()).unwrap_or(i32::MAX);
    sqlx::query!(
        "update config.discovery_lists set ip_count = ip_count - $2, updated_at = now() where id = $1",
        list.as_uuid(),
        deleted
    )
    .execute(conn)
    .await?;
    Ok(deleted)
}
