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
    /// Port lists that it scans them for.
    pub port_lists: Json<Vec<Named>>,
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
      coalesce((select json_agg(json_build_object('id', s.id, 'name', s.name) order by lower(s.name))
        from config.scan_template_targets x join config.subnets s on s.id = x.subnet_id
        where x.template_id = t.id), '[]') as subnets,
      coalesce((select json_agg(json_build_object('id', p.id, 'name', p.name) order by lower(p.name))
        from config.scan_template_ports x join config.port_lists p on p.id = x.port_list_id
        where x.template_id = t.id), '[]') as port_lists",
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

/// What is stored of a template.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Subnets that it scans.
    pub subnets: Vec<Uuid>,
    /// Port lists that it scans them for.
    pub port_lists: Vec<Uuid>,
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
    sqlx::query!(
        "delete from config.scan_template_targets where template_id = $1 and subnet_id is not null and subnet_id <> all($2)",
        id.as_uuid(),
        &fields.subnets
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into config.scan_template_targets (template_id, subnet_id) select $1, unnest($2::uuid[])
         on conflict on constraint scan_template_targets_unique do nothing",
        id.as_uuid(),
        &fields.subnets
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "delete from config.scan_template_ports where template_id = $1 and port_list_id is not null and port_list_id <> all($2)",
        id.as_uuid(),
        &fields.port_lists
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into config.scan_template_ports (template_id, port_list_id) select $1, unnest($2::uuid[])
         on conflict on constraint scan_template_ports_unique do nothing",
        id.as_uuid(),
        &fields.port_lists
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
