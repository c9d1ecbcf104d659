//! Subnets: CIDR targets, and who scans them.
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use mipo_domain::ids::SubnetId;
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::Referred;
use crate::lists::{Ask, Found, Named, Source};
use crate::{Conn, StoreError};

/// A subnet.
#[derive(Clone, Debug, FromRow)]
pub struct Subnet {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: SubnetId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The addresses.
    pub cidr: IpNet,
    /// Probes per second over all its scanners, 0 for no limit.
    pub rate_limit: i32,
    /// Shipped with mipo.
    pub built_in: bool,
    /// Scanners that scan it.
    pub scanners: Json<Vec<Named>>,
    /// Scanner groups whose members scan it.
    pub scanner_groups: Json<Vec<Named>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
    /// Counts edits.
    pub version: i32,
}

impl Subnet {
    /// Scanners and scanner groups, in this order: who scans it.
    pub fn scanned_by(&self) -> impl Iterator<Item = &Named> {
        self.scanners.iter().chain(self.scanner_groups.iter())
    }

    /// True when nobody scans it, so that every scan skips it.
    pub fn is_orphan(&self) -> bool {
        self.scanned_by().next().is_none()
    }
}

const SOURCE: Source = Source {
    select: "n.id, n.name, n.description, n.cidr, n.rate_limit, n.built_in, n.created_at, n.updated_at, n.version,
      coalesce((select json_agg(json_build_object('id', s.id, 'name', s.name) order by lower(s.name))
        from config.target_scanners t join config.scanners s on s.id = t.scanner_id
        where t.subnet_id = n.id), '[]') as scanners,
      coalesce((select json_agg(json_build_object('id', g.id, 'name', g.name) order by lower(g.name))
        from config.target_scanners t join config.scanner_groups g on g.id = t.scanner_group_id
        where t.subnet_id = n.id), '[]') as scanner_groups",
    from: "config.subnets n",
    only: "true",
    key: "n.id",
    sort: &[
        ("name", "lower(n.name)"),
        ("cidr", "n.cidr"),
        ("ips", "(case family(n.cidr) when 4 then 32 else 128 end) - masklen(n.cidr)"),
        ("description", "lower(n.description)"),
        ("rateLimit", "nullif(n.rate_limit, 0)"),
        ("created", "n.created_at"),
    ],
    filters: &[
        ("family", "case family(n.cidr) when 4 then 'ipv4' else 'ipv6' end"),
        ("builtIn", "n.built_in"),
        (
            "assigned",
            "case when exists (select 1 from config.target_scanners t where t.subnet_id = n.id) then 'yes' else 'no' end",
        ),
    ],
    search: &["n.name", "n.description", "n.cidr::text"],
};

/// A page of subnets.
pub async fn list(conn: &mut Conn, ask: &Ask) -> Result<Found<Subnet>, StoreError> {
    SOURCE.find(conn, ask).await
}

/// One subnet.
pub async fn get(conn: &mut Conn, id: SubnetId) -> Result<Option<Subnet>, StoreError> {
    SOURCE.one(conn, id.as_uuid()).await
}

/// Those of `ids` that exist.
pub async fn get_many(conn: &mut Conn, ids: Vec<Uuid>) -> Result<Vec<Subnet>, StoreError> {
    SOURCE.many(conn, ids).await
}

/// The values of a column to filter by.
pub async fn values(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    SOURCE.values(conn, column).await
}

/// What is stored of a subnet.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The addresses; host bits are zero.
    pub cidr: IpNet,
    /// Probes per second, 0 for no limit.
    pub rate_limit: i32,
}

/// Stores a new subnet.
pub async fn insert(conn: &mut Conn, id: SubnetId, fields: &Fields) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.subnets (id, name, description, cidr, rate_limit) values ($1, $2, $3, $4, $5)",
        id.as_uuid(),
        fields.name,
        fields.description,
        fields.cidr as IpNet,
        fields.rate_limit
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores an edit of version `version`; false when somebody else was first.
pub async fn update(conn: &mut Conn, id: SubnetId, version: i32, fields: &Fields) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.subnets
         set name = $3, description = $4, cidr = $5, rate_limit = $6, version = version + 1, updated_at = now()
         where id = $1 and version = $2",
        id.as_uuid(),
        version,
        fields.name,
        fields.description,
        fields.cidr as IpNet,
        fields.rate_limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Raises the version alone: the scanners of a subnet are part of it.
pub async fn touch(conn: &mut Conn, id: SubnetId, version: i32) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.subnets set version = version + 1, updated_at = now() where id = $1 and version = $2",
        id.as_uuid(),
        version
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a subnet that nothing refers to.
pub async fn delete(conn: &mut Conn, id: SubnetId) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from config.subnets where id = $1", id.as_uuid()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// What refers to a subnet.
pub async fn referrers(conn: &mut Conn, id: SubnetId) -> Result<Vec<Referred>, StoreError> {
    let rows = sqlx::query_as!(
        Referred,
        r#"select 'scan template' as "kind!", t.id::text as "id!", t.name as "name!"
           from config.scan_template_targets x join config.scan_templates t on t.id = x.template_id where x.subnet_id = $1
           union all
           select 'subnet group', g.id::text, g.name
           from config.subnet_group_members x join config.subnet_groups g on g.id = x.group_id where x.subnet_id = $1
           union all
           select 'blackout window', b.id::text, b.name
           from config.blackout_members x join config.blackout_windows b on b.id = x.blackout_id where x.subnet_id = $1
           order by 1, 3"#,
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
