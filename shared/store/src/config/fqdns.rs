//! FQDNs: host names that are resolved when a scan is planned, and who scans them.
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use mipo_domain::ids::FqdnId;
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::Referred;
use crate::lists::{Ask, Found, Named, Source};
use crate::{Conn, StoreError};

/// An FQDN.
#[derive(Clone, Debug, FromRow)]
pub struct Fqdn {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: FqdnId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What is resolved, lower case.
    pub hostname: String,
    /// Where its addresses must lie; empty = anywhere.
    pub allowed_cidrs: Vec<IpNet>,
    /// Probes per second over all its scanners, 0 for no limit.
    pub rate_limit: i32,
    /// The addresses that it had when it was last resolved.
    pub last_resolved: Json<Vec<IpAddr>>,
    /// When that was; none = never.
    pub last_resolved_at: Option<DateTime<Utc>>,
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

impl Fqdn {
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
    select:
        "f.id, f.name, f.description, f.hostname, f.allowed_cidrs, f.rate_limit, f.last_resolved, f.last_resolved_at,
      f.built_in, f.created_at, f.updated_at, f.version,
      coalesce((select json_agg(json_build_object('id', s.id, 'name', s.name) order by lower(s.name))
        from config.target_scanners t join config.scanners s on s.id = t.scanner_id
        where t.fqdn_id = f.id), '[]') as scanners,
      coalesce((select json_agg(json_build_object('id', g.id, 'name', g.name) order by lower(g.name))
        from config.target_scanners t join config.scanner_groups g on g.id = t.scanner_group_id
        where t.fqdn_id = f.id), '[]') as scanner_groups",
    from: "config.fqdns f",
    only: "true",
    key: "f.id",
    sort: &[
        ("name", "lower(f.name)"),
        ("hostname", "f.hostname"),
        ("description", "lower(f.description)"),
        ("lastResolved", "f.last_resolved_at"),
        ("rateLimit", "nullif(f.rate_limit, 0)"),
        ("created", "f.created_at"),
    ],
    filters: &[
        (
            "resolved",
            "case when f.last_resolved_at is null then 'never' when f.last_resolved = '[]' then 'nothing' else 'yes' end",
        ),
        (
            "assigned",
            "case when exists (select 1 from config.target_scanners t where t.fqdn_id = f.id) then 'yes' else 'no' end",
        ),
        ("builtIn", "f.built_in"),
    ],
    search: &["f.name", "f.description", "f.hostname"],
};

/// A page of FQDNs.
pub async fn list(conn: &mut Conn, ask: &Ask) -> Result<Found<Fqdn>, StoreError> {
    SOURCE.find(conn, ask).await
}

/// One FQDN.
pub async fn get(conn: &mut Conn, id: FqdnId) -> Result<Option<Fqdn>, StoreError> {
    SOURCE.one(conn, id.as_uuid()).await
}

/// The values of a column to filter by.
pub async fn values(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    SOURCE.values(conn, column).await
}

/// What is stored of an FQDN.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What is resolved.
    pub hostname: String,
    /// Where its addresses must lie; empty = anywhere.
    pub allowed_cidrs: Vec<IpNet>,
    /// Probes per second, 0 for no limit.
    pub rate_limit: i32,
}

/// Stores a new FQDN.
pub async fn insert(conn: &mut Conn, id: FqdnId, fields: &Fields) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.fqdns (id, name, description, hostname, allowed_cidrs, rate_limit) values ($1, $2, $3, $4, $5, $6)",
        id.as_uuid(),
        fields.name,
        fields.description,
        fields.hostname,
        &fields.allowed_cidrs as &[IpNet],
        fields.rate_limit
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores an edit of version `version`; false when somebody else was first. Another host name has not been resolved yet.
pub async fn update(conn: &mut Conn, id: FqdnId, version: i32, fields: &Fields) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.fqdns
         set name = $3, description = $4, allowed_cidrs = $6, rate_limit = $7, version = version + 1, updated_at = now(),
           last_resolved = case when hostname = $5 then last_resolved else '[]' end,
           last_resolved_at = case when hostname = $5 then last_resolved_at end, hostname = $5
         where id = $1 and version = $2",
        id.as_uuid(),
        version,
        fields.name,
        fields.description,
        fields.hostname,
        &fields.allowed_cidrs as &[IpNet],
        fields.rate_limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes an FQDN that nothing refers to.
pub async fn delete(conn: &mut Conn, id: FqdnId) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from config.fqdns where id = $1", id.as_uuid()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// What refers to an FQDN.
pub async fn referrers(conn: &mut Conn, id: FqdnId) -> Result<Vec<Referred>, StoreError> {
    let rows = sqlx::query_as!(
        Referred,
        r#"select 'scan template' as "kind!", t.id::text as "id!", t.name as "name!"
           from config.scan_template_targets x join config.scan_templates t on t.id = x.template_id where x.fqdn_id = $1
           union all
           select 'FQDN group', g.id::text, g.name
           from config.fqdn_group_members x join config.fqdn_groups g on g.id = x.group_id where x.fqdn_id = $1
           order by 1, 3"#,
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
