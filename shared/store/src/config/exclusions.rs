//! Exclusions: addresses that are never probed.
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use mipo_domain::ids::{ExclusionId, UserId};
use sqlx::FromRow;
use uuid::Uuid;

use crate::lists::{Ask, Found, Source};
use crate::{Conn, StoreError};

/// An exclusion. Ports are a multirange as text; none means every port.
#[derive(Clone, Debug, FromRow)]
pub struct Exclusion {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: ExclusionId,
    /// Its name.
    pub name: String,
    /// The addresses.
    pub cidr: IpNet,
    /// TCP ports; empty for every port.
    pub tcp_ports: String,
    /// Why they are never probed.
    pub reason: String,
    /// User name of whoever answers for it.
    pub owner: Option<String>,
    /// When it stops to hold by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// Holds now, unless it expired.
    pub enabled: bool,
    /// Why it was switched off.
    pub disabled_reason: Option<String>,
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
    select:
        "x.id, x.name, x.cidr, x.tcp_ports::text as tcp_ports, x.reason, u.username as owner, x.expires_at, x.enabled,
      x.disabled_reason, x.built_in, x.created_at, x.updated_at, x.version",
    from: "config.exclusions x left join config.users u on u.id = x.owner_id",
    only: "true",
    key: "x.id",
    sort: &[
        ("name", "lower(x.name)"),
        ("cidr", "x.cidr"),
        ("reason", "lower(x.reason)"),
        ("owner", "lower(u.username)"),
        ("expires", "x.expires_at"),
        ("enabled", "x.enabled"),
        ("builtIn", "x.built_in"),
        ("created", "x.created_at"),
    ],
    filters: &[("enabled", "x.enabled"), ("builtIn", "x.built_in"), ("owner", "u.username")],
    search: &["x.name", "x.cidr::text", "x.reason"],
};

/// A page of exclusions.
pub async fn list(conn: &mut Conn, ask: &Ask) -> Result<Found<Exclusion>, StoreError> {
    SOURCE.find(conn, ask).await
}

/// One exclusion.
pub async fn get(conn: &mut Conn, id: ExclusionId) -> Result<Option<Exclusion>, StoreError> {
    SOURCE.one(conn, id.as_uuid()).await
}

/// The values of a column to filter by.
pub async fn values(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    SOURCE.values(conn, column).await
}

/// The id of the exclusion called `name`.
pub async fn id_by_name(conn: &mut Conn, name: &str) -> Result<Option<ExclusionId>, StoreError> {
    let id = sqlx::query_scalar!("select id from config.exclusions where lower(name) = lower($1)", name)
        .fetch_optional(conn)
        .await?;
    Ok(id.map(ExclusionId::from))
}

/// An exclusion that holds, as planning needs it.
#[derive(Clone, Debug)]
pub struct InForce {
    /// The addresses.
    pub cidr: IpNet,
    /// TCP ports, a multirange as text; empty for every port.
    pub tcp_ports: String,
}

/// Every exclusion that holds at the instant of the database.
pub async fn in_force(conn: &mut Conn) -> Result<Vec<InForce>, StoreError> {
    let rows = sqlx::query_as!(
        InForce,
        r#"select cidr as "cidr: IpNet", tcp_ports::text as "tcp_ports!" from config.exclusions
           where enabled and (expires_at is null or expires_at > now()) order by cidr, id"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// What is stored of an exclusion.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Its name.
    pub name: String,
    /// The addresses; host bits are zero.
    pub cidr: IpNet,
    /// TCP ports, a multirange as text; empty for every port.
    pub tcp_ports: String,
    /// Why.
    pub reason: String,
    /// When it stops to hold.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Stores a new exclusion.
pub async fn insert(
    conn: &mut Conn,
    id: ExclusionId,
    fields: &Fields,
    owner: Option<UserId>,
    built_in: bool,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.exclusions (id, name, cidr, tcp_ports, reason, expires_at, owner_id, built_in)
         values ($1, $2, $3, $4::text::int4multirange, $5, $6, $7, $8)",
        id.as_uuid(),
        fields.name,
        fields.cidr as IpNet,
        fields.tcp_ports,
        fields.reason,
        fields.expires_at,
        owner.map(UserId::as_uuid),
        built_in
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores an edit of version `version`; false when somebody else was first.
pub async fn update(conn: &mut Conn, id: ExclusionId, version: i32, fields: &Fields) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.exclusions
         set name = $3, cidr = $4, tcp_ports = $5::text::int4multirange, reason = $6, expires_at = $7,
             version = version + 1, updated_at = now()
         where id = $1 and version = $2",
        id.as_uuid(),
        version,
        fields.name,
        fields.cidr as IpNet,
        fields.tcp_ports,
        fields.reason,
        fields.expires_at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Switches an exclusion off (with the reason) or on again; false when somebody else was first.
pub async fn set_enabled(
    conn: &mut Conn,
    id: ExclusionId,
    version: i32,
    disabled_reason: Option<&str>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.exclusions
         set enabled = ($3::text is null), disabled_reason = $3, version = version + 1, updated_at = now()
         where id = $1 and version = $2",
        id.as_uuid(),
        version,
        disabled_reason
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes an exclusion.
pub async fn delete(conn: &mut Conn, id: ExclusionId) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from config.exclusions where id = $1", id.as_uuid()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}
