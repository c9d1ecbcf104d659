//! Scan templates: which targets are scanned on which ports.
use chrono::{DateTime, Utc};
use mipo_domain::ids::TemplateId;
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::Referred;
use crate::lists::{Ask, Found, Named, Source};
use crate::{Conn, StoreError};

/// A scan template.
#[derive(Clone, Debug, FromRow)]
pub struct ScanTemplate {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: TemplateId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Subnets that it scans.
    pub subnets: Json<Vec<Named>>,
    /// Groups of subnets.
    pub subnet_groups: Json<Vec<Named>>,
    /// Host names.
    pub fqdns: Json<Vec<Named>>,
    /// Groups of host names.
    pub fqdn_groups: Json<Vec<Named>>,
    /// Discovery lists, each with its source: `cmdb/servers`.
    pub discovery_lists: Json<Vec<Named>>,
    /// Port lists that it scans them for.
    pub port_lists: Json<Vec<Named>>,
    /// Groups of port lists.
    pub port_list_groups: Json<Vec<Named>>,
    /// Shipped with mipo.
    pub built_in: bool,
    /// Made for one scan of typed targets; holds them itself and is in no list.
    pub adhoc: bool,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
    /// Counts edits.
    pub version: i32,
}

const SOURCE: Source = Source {
    select: "t.id, t.name, t.description, t.built_in, t.adhoc, t.created_by, t.created_at, t.updated_at, t.version,
      coalesce((select json_agg(json_build_object('id', o.id, 'name', o.name) order by lower(o.name))
        from config.scan_template_targets x join config.subnets o on o.id = x.subnet_id
        where x.template_id = t.id), '[]') as subnets,
      coalesce((select json_agg(json_build_object('id', o.id, 'name', o.name) order by lower(o.name))
        from config.scan_template_targets x join config.subnet_groups o on o.id = x.subnet_group_id
        where x.template_id = t.id), '[]') as subnet_groups,
      coalesce((select json_agg(json_build_object('id', o.id, 'name', o.name) order by lower(o.name))
        from config.scan_template_targets x join config.fqdns o on o.id = x.fqdn_id
        where x.template_id = t.id), '[]') as fqdns,
      coalesce((select json_agg(json_build_object('id', o.id, 'name', o.name) order by lower(o.name))
        from config.scan_template_targets x join config.fqdn_groups o on o.id = x.fqdn_group_id
        where x.template_id = t.id), '[]') as fqdn_groups,
      coalesce((select json_agg(json_build_object('id', l.id, 'name', d.name || '/' || l.name) order by lower(d.name), lower(l.name))
        from config.scan_template_targets x join config.discovery_lists l on l.id = x.discovery_list_id
        join config.discovery_sources d on d.id = l.source_id
        where x.template_id = t.id), '[]') as discovery_lists,
      coalesce((select json_agg(json_build_object('id', o.id, 'name', o.name) order by lower(o.name))
        from config.scan_template_ports x join config.port_lists o on o.id = x.port_list_id
        where x.template_id = t.id), '[]') as port_lists,
      coalesce((select json_agg(json_build_object('id', o.id, 'name', o.name) order by lower(o.name))
        from config.scan_template_ports x join config.port_list_groups o on o.id = x.port_list_group_id
        where x.template_id = t.id), '[]') as port_list_groups",
    from: "config.scan_templates t",
    only: "not t.adhoc",
    key: "t.id",
    sort: &[
        ("name", "lower(t.name)"),
        ("description", "lower(t.description)"),
        ("builtIn", "t.built_in"),
        ("createdBy", "lower(t.created_by)"),
        ("created", "t.created_at"),
    ],
    filters: &[("builtIn", "t.built_in"), ("createdBy", "t.created_by")],
    search: &["t.name", "t.description"],
};

/// A page of templates, without ad-hoc ones.
pub async fn list(conn: &mut Conn, ask: &Ask) -> Result<Found<ScanTemplate>, StoreError> {
    SOURCE.find(conn, ask).await
}

/// One template.
pub async fn get(conn: &mut Conn, id: TemplateId) -> Result<Option<ScanTemplate>, StoreError> {
    SOURCE.one(conn, id.as_uuid()).await
}

/// Those of `ids` that there are, ad-hoc ones too.
pub async fn get_many(conn: &mut Conn, ids: Vec<Uuid>) -> Result<Vec<ScanTemplate>, StoreError> {
    SOURCE.many(conn, ids).await
}

/// The values of a column to filter by.
pub async fn values(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    SOURCE.values(conn, column).await
}

/// What a template scans and on which ports, by ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Subnets.
    pub subnets: Vec<Uuid>,
    /// Subnet groups.
    pub subnet_groups: Vec<Uuid>,
    /// Host names.
    pub fqdns: Vec<Uuid>,
    /// Groups of host names.
    pub fqdn_groups: Vec<Uuid>,
    /// Discovery lists.
    pub discovery_lists: Vec<Uuid>,
    /// Port lists.
    pub port_lists: Vec<Uuid>,
    /// Groups of port lists.
    pub port_list_groups: Vec<Uuid>,
}

impl Sources {
    /// What `template` scans.
    pub fn of(template: &ScanTemplate) -> Self {
        let ids = |list: &[Named]| list.iter().map(|named| named.id).collect();
        Self {
            subnets: ids(&template.subnets),
            subnet_groups: ids(&template.subnet_groups),
            fqdns: ids(&template.fqdns),
            fqdn_groups: ids(&template.fqdn_groups),
            discovery_lists: ids(&template.discovery_lists),
            port_lists: ids(&template.port_lists),
            port_list_groups: ids(&template.port_list_groups),
        }
    }

    /// Everything that any of `all` names.
    pub fn union(all: &[Self]) -> Self {
        let ids = |of: fn(&Self) -> &Vec<Uuid>| {
            let mut ids: Vec<Uuid> = all.iter().flat_map(of).copied().collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        Self {
            subnets: ids(|sources| &sources.subnets),
            subnet_groups: ids(|sources| &sources.subnet_groups),
            fqdns: ids(|sources| &sources.fqdns),
            fqdn_groups: ids(|sources| &sources.fqdn_groups),
            discovery_lists: ids(|sources| &sources.discovery_lists),
            port_lists: ids(|sources| &sources.port_lists),
            port_list_groups: ids(|sources| &sources.port_list_groups),
        }
    }

    /// True when it names nothing to scan.
    pub fn has_no_target(&self) -> bool {
        [&self.subnets, &self.subnet_groups, &self.fqdns, &self.fqdn_groups, &self.discovery_lists]
            .iter()
            .all(|ids| ids.is_empty())
    }

    /// True when it names no ports.
    pub fn has_no_ports(&self) -> bool {
        self.port_lists.is_empty() && self.port_list_groups.is_empty()
    }
}

/// What a template scans; nothing when there is no such template.
pub async fn sources(conn: &mut Conn, id: TemplateId) -> Result<Sources, StoreError> {
    Ok(sqlx::query_as!(
        Sources,
        r#"select
             array(select subnet_id from config.scan_template_targets where template_id = $1 and subnet_id is not null) as "subnets!",
             array(select subnet_group_id from config.scan_template_targets where template_id = $1 and subnet_group_id is not null) as "subnet_groups!",
             array(select fqdn_id from config.scan_template_targets where template_id = $1 and fqdn_id is not null) as "fqdns!",
             array(select fqdn_group_id from config.scan_template_targets where template_id = $1 and fqdn_group_id is not null) as "fqdn_groups!",
             array(select discovery_list_id from config.scan_template_targets where template_id = $1 and discovery_list_id is not null) as "discovery_lists!",
             array(select port_list_id from config.scan_template_ports where template_id = $1 and port_list_id is not null) as "port_lists!",
             array(select port_list_group_id from config.scan_template_ports where template_id = $1 and port_list_group_id is not null) as "port_list_groups!""#,
        id.as_uuid()
    )
    .fetch_one(conn)
    .await?)
}

/// What is stored of a template.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it scans.
    pub sources: Sources,
}

/// Stores a new template.
pub async fn insert(conn: &mut Conn, id: TemplateId, fields: &Fields, created_by: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into config.scan_templates (id, name, description, created_by) values ($1, $2, $3, $4)",
        id.as_uuid(),
        fields.name,
        fields.description,
        created_by
    )
    .execute(&mut *conn)
    .await?;
    set_sources(conn, id, fields).await
}

/// Stores an edit of version `version`; false when somebody else was first.
pub async fn update(conn: &mut Conn, id: TemplateId, version: i32, fields: &Fields) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update config.scan_templates set name = $3, description = $4, version = version + 1, updated_at = now()
         where id = $1 and version = $2 and not adhoc",
        id.as_uuid(),
        version,
        fields.name,
        fields.description
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    set_sources(conn, id, fields).await?;
    Ok(true)
}

async fn set_sources(conn: &mut Conn, id: TemplateId, fields: &Fields) -> Result<(), StoreError> {
    let Sources { subnets, subnet_groups, fqdns, fqdn_groups, discovery_lists, port_lists, port_list_groups } =
        &fields.sources;
    sqlx::query!(
        "delete from config.scan_template_targets where template_id = $1
           and (subnet_id = any($2) or subnet_group_id = any($3) or fqdn_id = any($4) or fqdn_group_id = any($5)
             or discovery_list_id = any($6)) is not true",
        id.as_uuid(),
        subnets,
        subnet_groups,
        fqdns,
        fqdn_groups,
        discovery_lists
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into config.scan_template_targets
           (template_id, subnet_id, subnet_group_id, fqdn_id, fqdn_group_id, discovery_list_id)
         select $1::uuid, unnest($2::uuid[]), null::uuid, null::uuid, null::uuid, null::uuid
         union all select $1, null, unnest($3::uuid[]), null, null, null
         union all select $1, null, null, unnest($4::uuid[]), null, null
         union all select $1, null, null, null, unnest($5::uuid[]), null
         union all select $1, null, null, null, null, unnest($6::uuid[])
         on conflict on constraint scan_template_targets_unique do nothing",
        id.as_uuid(),
        subnets,
        subnet_groups,
        fqdns,
        fqdn_groups,
        discovery_lists
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "delete from config.scan_template_ports where template_id = $1
           and (port_list_id = any($2) or port_list_group_id = any($3)) is not true",
        id.as_uuid(),
        port_lists,
        port_list_groups
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into config.scan_template_ports (template_id, port_list_id, port_list_group_id)
         select $1::uuid, unnest($2::uuid[]), null::uuid union all select $1, null, unnest($3::uuid[])
         on conflict on constraint scan_template_ports_unique do nothing",
        id.as_uuid(),
        port_lists,
        port_list_groups
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes a template that nothing refers to.
pub async fn delete(conn: &mut Conn, id: TemplateId) -> Result<bool, StoreError> {
    let done = sqlx::query!("delete from config.scan_templates where id = $1 and not adhoc", id.as_uuid())
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// What refers to a template: schedules, groups, and scans that are not planned yet.
pub async fn referrers(conn: &mut Conn, id: TemplateId) -> Result<Vec<Referred>, StoreError> {
    let rows = sqlx::query_as!(
        Referred,
        r#"select 'schedule' as "kind!", s.id::text as "id!", s.name as "name!"
           from config.schedule_templates x join config.schedules s on s.id = x.schedule_id where x.template_id = $1
           union all
           select 'scan template group', g.id::text, g.name
           from config.scan_template_group_members x join config.scan_template_groups g on g.id = x.group_id where x.template_id = $1
           union all
           select 'scan', s.id::text, '#' || s.id
           from results.scans s where s.template_id = $1 and s.completed_at is null and s.planning_finished_at is null
           order by 1, 3"#,
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
