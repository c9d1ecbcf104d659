//! Groups: sets of scanners, subnets, FQDNs, port lists or templates under a name. Their tables have the same form, so the statements are
//! written once; what differs is in [`GroupKind`].
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::types::Json;
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::Referred;
use crate::lists::{Ask, Found, Source};
use crate::{Conn, StoreError};

/// What a group holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// Scanners.
    Scanners,
    /// Subnets.
    Subnets,
    /// FQDNs.
    Fqdns,
    /// Port lists.
    PortLists,
    /// Scan templates.
    Templates,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Member {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The status of a scanner, the network of a subnet, the host name of an FQDN, the TCP ports of a list as a
    /// multirange, the description of a template.
    pub note: String,
}

/// A group.
#[derive(Clone, Debug, FromRow)]
pub struct Group {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Shipped with mipo.
    pub built_in: bool,
    /// What it holds, by name.
    pub members: Json<Vec<Member>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
    /// Counts edits.
    pub version: i32,
}

/// The tables of a kind. All of it is SQL written here, never input.
struct Tables {
    list: Source,
    table: &'static str,
    members: &'static str,
    /// The column of `members` that names what is held.
    member: &'static str,
    /// The table of what is held.
    held: &'static str,
    /// The expression that says what a member `h` is.
    note: &'static str,
}

macro_rules! tables {
    ($table:literal, $members:literal, $member:literal, $held:literal, $note:literal) => {
        Tables {
            list: Source {
                select: concat!(
                    "g.id, g.name, g.description, g.built_in, g.created_at, g.updated_at, g.version,
                     coalesce((select json_agg(json_build_object('id', h.id, 'name', h.name, 'note', ",
                    $note,
                    ") order by lower(h.name)) from ",
                    $members,
                    " m join ",
                    $held,
                    " h on h.id = m.",
                    $member,
                    " where m.group_id = g.id), '[]') as members"
                ),
                from: concat!($table, " g"),
                only: "true",
                key: "g.id",
                sort: &[
                    ("name", "lower(g.name)"),
                    ("description", "lower(g.description)"),
                    ("members", concat!("(select count(*) from ", $members, " m where m.group_id = g.id)")),
                    ("builtIn", "g.built_in"),
                    ("created", "g.created_at"),
                ],
                filters: &[("builtIn", "g.built_in")],
                search: &["g.name", "g.description"],
            },
            table: $table,
            members: $members,
            member: $member,
            held: $held,
            note: $note,
        }
    };
}

const SCANNERS: Tables =
    tables!("config.scanner_groups", "config.scanner_group_members", "scanner_id", "config.scanners", "h.status");
const SUBNETS: Tables =
    tables!("config.subnet_groups", "config.subnet_group_members", "subnet_id", "config.subnets", "h.cidr::text");
const FQDNS: Tables =
    tables!("config.fqdn_groups", "config.fqdn_group_members", "fqdn_id", "config.fqdns", "h.hostname");
const PORT_LISTS: Tables = tables!(
    "config.port_list_groups",
    "config.port_list_group_members",
    "port_list_id",
    "config.port_lists",
    "h.tcp_ports::text"
);
// What an ad-hoc scan made for itself is no template to choose.
const TEMPLATES: Tables = tables!(
    "config.scan_template_groups",
    "config.scan_template_group_members",
    "template_id",
    "(select t.id, t.name, t.description from config.scan_templates t where not t.adhoc)",
    "h.description"
);

impl GroupKind {
    const fn tables(self) -> &'static Tables {
        match self {
            Self::Scanners => &SCANNERS,
            Self::Subnets => &SUBNETS,
            Self::Fqdns => &FQDNS,
            Self::PortLists => &PORT_LISTS,
            Self::Templates => &TEMPLATES,
        }
    }
}

/// A page of groups.
pub async fn list(conn: &mut Conn, kind: GroupKind, ask: &Ask) -> Result<Found<Group>, StoreError> {
    kind.tables().list.find(conn, ask).await
}

/// One group.
pub async fn get(conn: &mut Conn, kind: GroupKind, id: Uuid) -> Result<Option<Group>, StoreError> {
    kind.tables().list.one(conn, id).await
}

/// Those of `ids` that exist.
pub async fn get_many(conn: &mut Conn, kind: GroupKind, ids: Vec<Uuid>) -> Result<Vec<Group>, StoreError> {
    kind.tables().list.many(conn, ids).await
}

/// The values of a column to filter by.
pub async fn values(conn: &mut Conn, kind: GroupKind, column: &str) -> Result<Vec<String>, StoreError> {
    kind.tables().list.values(conn, column).await
}

/// What could be a member: those of `chosen`, then others by name, `limit` at most in all unless more are chosen; and how
/// many there are.
pub async fn offered(
    conn: &mut Conn,
    kind: GroupKind,
    chosen: &[Uuid],
    limit: i64,
) -> Result<(Vec<Member>, i64), StoreError> {
    let tables = kind.tables();
    let mut query = QueryBuilder::<Postgres>::new("select h.id, h.name, ");
    query.push(tables.note).push(" as note, count(*) over () as total from ").push(tables.held);
    query.push(" h order by h.id = any(").push_bind(chosen.to_vec()).push(") desc, lower(h.name) limit ");
    query.push_bind(limit.max(chosen.len() as i64));
    let rows: Vec<Offer> = query.build_query_as().fetch_all(conn).await?;
    let total = rows.first().map_or(0, |row| row.total);
    Ok((rows.into_iter().map(|row| Member { id: row.id, name: row.name, note: row.note }).collect(), total))
}

#[derive(FromRow)]
struct Offer {
    id: Uuid,
    name: String,
    note: String,
    total: i64,
}

/// Those of `ids` that could be members, because they exist.
pub async fn known(conn: &mut Conn, kind: GroupKind, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new("select id from ");
    query.push(kind.tables().held).push(" h where id = any(").push_bind(ids.to_vec()).push(")");
    Ok(query.build_query_scalar().fetch_all(conn).await?)
}

/// What is stored of a group.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it holds.
    pub members: Vec<Uuid>,
}

/// Stores a new group.
pub async fn insert(conn: &mut Conn, kind: GroupKind, id: Uuid, fields: &Fields) -> Result<(), StoreError> {
    let mut query = QueryBuilder::<Postgres>::new("insert into ");
    query.push(kind.tables().table).push(" (id, name, description) values (");
    query.push_bind(id).push(", ").push_bind(fields.name.clone()).push(", ");
    query.push_bind(fields.description.clone()).push(")");
    query.build().execute(&mut *conn).await?;
    set_members(conn, kind, id, &fields.members).await
}

/// Stores an edit of version `version`; false when somebody else was first.
pub async fn update(
    conn: &mut Conn,
    kind: GroupKind,
    id: Uuid,
    version: i32,
    fields: &Fields,
) -> Result<bool, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new("update ");
    query.push(kind.tables().table).push(" set name = ").push_bind(fields.name.clone());
    query.push(", description = ").push_bind(fields.description.clone());
    query.push(", version = version + 1, updated_at = now() where id = ").push_bind(id);
    query.push(" and version = ").push_bind(version);
    if query.build().execute(&mut *conn).await?.rows_affected() != 1 {
        return Ok(false);
    }
    set_members(conn, kind, id, &fields.members).await?;
    Ok(true)
}

async fn set_members(conn: &mut Conn, kind: GroupKind, id: Uuid, members: &[Uuid]) -> Result<(), StoreError> {
    let tables = kind.tables();
    let mut query = QueryBuilder::<Postgres>::new("delete from ");
    query.push(tables.members).push(" where group_id = ").push_bind(id);
    query.push(" and ").push(tables.member).push(" <> all(").push_bind(members.to_vec()).push(")");
    query.build().execute(&mut *conn).await?;
    let mut query = QueryBuilder::<Postgres>::new("insert into ");
    query.push(tables.members).push(" (group_id, ").push(tables.member).push(") select ").push_bind(id);
    query.push(", unnest(").push_bind(members.to_vec()).push("::uuid[]) on conflict do nothing");
    query.build().execute(conn).await?;
    Ok(())
}

/// Removes a group that nothing refers to.
pub async fn delete(conn: &mut Conn, kind: GroupKind, id: Uuid) -> Result<bool, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new("delete from ");
    query.push(kind.tables().table).push(" where id = ").push_bind(id);
    Ok(query.build().execute(conn).await?.rows_affected() == 1)
}

/// What refers to a group.
pub async fn referrers(conn: &mut Conn, kind: GroupKind, id: Uuid) -> Result<Vec<Referred>, StoreError> {
    Ok(match kind {
        GroupKind::Scanners => {
            sqlx::query_as!(
                Referred,
                r#"select 'subnet' as "kind!", n.id::text as "id!", n.name as "name!"
                   from config.target_scanners x join config.subnets n on n.id = x.subnet_id where x.scanner_group_id = $1
                   union all
                   select 'FQDN', f.id::text, f.name
                   from config.target_scanners x join config.fqdns f on f.id = x.fqdn_id where x.scanner_group_id = $1
                   union all
                   select 'discovery list', l.id::text, d.name || '/' || l.name
                   from config.discovery_lists l join config.discovery_sources d on d.id = l.source_id
                   where l.scanner_group_id = $1
                   order by 1, 3"#,
                id
            )
            .fetch_all(conn)
            .await?
        }
        GroupKind::Subnets => {
            sqlx::query_as!(
                Referred,
                r#"select 'scan template' as "kind!", t.id::text as "id!", t.name as "name!"
                   from config.scan_template_targets x join config.scan_templates t on t.id = x.template_id
                   where x.subnet_group_id = $1
                   union all
                   select 'blackout window', b.id::text, b.name
                   from config.blackout_members x join config.blackout_windows b on b.id = x.blackout_id
                   where x.subnet_group_id = $1
                   order by 1, 3"#,
                id
            )
            .fetch_all(conn)
            .await?
        }
        GroupKind::Fqdns => {
            sqlx::query_as!(
                Referred,
                r#"select 'scan template' as "kind!", t.id::text as "id!", t.name as "name!"
                   from config.scan_template_targets x join config.scan_templates t on t.id = x.template_id
                   where x.fqdn_group_id = $1 order by 1, 3"#,
                id
            )
            .fetch_all(conn)
            .await?
        }
        GroupKind::PortLists => {
            sqlx::query_as!(
                Referred,
                r#"select 'scan template' as "kind!", t.id::text as "id!", t.name as "name!"
                   from config.scan_template_ports x join config.scan_templates t on t.id = x.template_id
                   where x.port_list_group_id = $1 order by 1, 3"#,
                id
            )
            .fetch_all(conn)
            .await?
        }
        GroupKind::Templates => {
            sqlx::query_as!(
                Referred,
                r#"select 'schedule' as "kind!", s.id::text as "id!", s.name as "name!"
                   from config.schedule_templates x join config.schedules s on s.id = x.schedule_id
                   where x.template_group_id = $1 order by 1, 3"#,
                id
            )
            .fetch_all(conn)
            .await?
        }
    })
}
