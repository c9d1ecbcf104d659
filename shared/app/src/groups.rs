//! Groups: sets of scanners, subnets, FQDNs, port lists or templates under a name, used in the place of their members.
use std::collections::HashSet;

use ipnet::IpNet;
use mipo_domain::address::IpSet;
use mipo_domain::ids::{FqdnGroupId, PortListGroupId, ScannerGroupId, SubnetGroupId, TemplateGroupId};
use mipo_domain::ports::PortSet;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::groups::{self as store, Fields};
use mipo_store::config::live;
use mipo_store::lists::{Ask, Found, Named};
use serde_json::{Value, json};
use uuid::Uuid;

pub use mipo_store::config::groups::{Group, GroupKind, Member};

use crate::error::Referrer;
use crate::fields::{self, Checks};
use crate::history::{self, Change};
use crate::{AppError, Ctx, audit};

/// A new group, as it was typed.
#[derive(Clone, Debug, Default)]
pub struct NewGroup {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it holds: at least one.
    pub members: Vec<Uuid>,
}

/// What is to change of a group; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct GroupPatch {
    /// The version that is edited.
    pub version: i32,
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Everything that it holds from now on.
    pub members: Option<Vec<Uuid>>,
}

/// How a kind is spoken of.
struct Words {
    kind: &'static str,
    /// The unique key of its names.
    name_unique: &'static str,
    /// The field that lists its members.
    field: &'static str,
    member: &'static str,
    /// The key of its members in an audit row.
    members: &'static str,
}

const fn words(kind: GroupKind) -> Words {
    match kind {
        GroupKind::Scanners => Words {
            kind: "scanner group",
            name_unique: "scanner_groups_name_unique",
            field: "scannerIds",
            member: "scanner",
            members: "scanners",
        },
        GroupKind::Subnets => Words {
            kind: "subnet group",
            name_unique: "subnet_groups_name_unique",
            field: "subnetIds",
            member: "subnet",
            members: "subnets",
        },
        GroupKind::Fqdns => Words {
            kind: "FQDN group",
            name_unique: "fqdn_groups_name_unique",
            field: "fqdnIds",
            member: "FQDN",
            members: "fqdns",
        },
        GroupKind::PortLists => Words {
            kind: "port list group",
            name_unique: "port_list_groups_name_unique",
            field: "portListIds",
            member: "port list",
            members: "portLists",
        },
        GroupKind::Templates => Words {
            kind: "scan template group",
            name_unique: "scan_template_groups_name_unique",
            field: "templateIds",
            member: "scan template",
            members: "templates",
        },
    }
}

fn mint(ctx: &Ctx<'_>, kind: GroupKind) -> Uuid {
    match kind {
        GroupKind::Scanners => ScannerGroupId::mint(ctx.clock, ctx.entropy).as_uuid(),
        GroupKind::Subnets => SubnetGroupId::mint(ctx.clock, ctx.entropy).as_uuid(),
        GroupKind::Fqdns => FqdnGroupId::mint(ctx.clock, ctx.entropy).as_uuid(),
        GroupKind::PortLists => PortListGroupId::mint(ctx.clock, ctx.entropy).as_uuid(),
        GroupKind::Templates => TemplateGroupId::mint(ctx.clock, ctx.entropy).as_uuid(),
    }
}

/// How many addresses the subnets of a group have together, each once; 0 for other groups.
pub fn ip_count(group: &Group) -> u128 {
    let networks = group.members.iter().filter_map(|member| member.note.parse::<IpNet>().ok());
    networks.collect::<IpSet>().count()
}

/// The TCP ports of a member that is a port list; none of another member.
pub fn ports_of(member: &Member) -> PortSet {
    PortSet::from_multirange(&member.note).unwrap_or_default()
}

/// How many TCP ports the lists of a group have together, each once; 0 for other groups.
pub fn port_count(group: &Group) -> u32 {
    group.members.iter().fold(PortSet::new(), |sum, member| sum.union(&ports_of(member))).count()
}

fn shown(words: &Words, group: &Group) -> Value {
    let mut value = json!({ "name": group.name, "description": group.description });
    value[words.members] = group.members.iter().map(|member| member.name.clone()).collect();
    value
}

async fn check(
    conn: &mut Conn,
    kind: GroupKind,
    name: &str,
    description: &str,
    members: Vec<Uuid>,
) -> Result<Fields, AppError> {
    let words = words(kind);
    let mut checks = Checks::new();
    let name = checks.name("name", name);
    let description = checks.description("description", description);
    if members.is_empty() {
        checks.refuse(
            words.field,
            "required",
            format!("Choose at least one {}; an empty group is none.", words.member),
        );
    }
    let known: HashSet<Uuid> = store::known(conn, kind, &members).await?.into_iter().collect();
    for (index, id) in members.iter().enumerate().filter(|(_, id)| !known.contains(*id)) {
        checks.refuse(format!("{}[{index}]", words.field), "unknown", format!("There is no {} {id}.", words.member));
    }
    checks.done()?;
    Ok(Fields { name, description, members })
}

/// Makes a group.
pub async fn create(conn: &mut Conn, ctx: &Ctx<'_>, kind: GroupKind, input: NewGroup) -> Result<Group, AppError> {
    ctx.require(Right::ConfigManage)?;
    let words = words(kind);
    let fields = check(conn, kind, &input.name, &input.description, input.members).await?;
    let id = mint(ctx, kind);
    store::insert(conn, kind, id, &fields)
        .await
        .map_err(|error| fields::name_taken(error, words.name_unique, words.kind, &fields.name))?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let group = stored(conn, kind, id).await?;
    let entry = audit::Entry::change("created", words.kind, id).diff(Value::Null, shown(&words, &group));
    audit::record(conn, ctx, entry).await?;
    Ok(group)
}

/// A page of groups.
pub async fn list(conn: &mut Conn, ctx: &Ctx<'_>, kind: GroupKind, ask: &Ask) -> Result<Found<Group>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(store::list(conn, kind, ask).await?)
}

/// The first groups by name, at most `limit`, to choose from.
pub async fn named(conn: &mut Conn, ctx: &Ctx<'_>, kind: GroupKind, limit: i64) -> Result<Vec<Named>, AppError> {
    let groups = list(conn, ctx, kind, &Ask::first(limit, "name")).await?.items;
    Ok(groups.into_iter().map(|group| Named { id: group.id, name: group.name }).collect())
}

/// One group.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, kind: GroupKind, id: Uuid) -> Result<Group, AppError> {
    ctx.require(Right::ConfigView)?;
    stored(conn, kind, id).await
}

/// What could be a member: those of `chosen` first, then others by name; and how many are left out.
pub async fn offered(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    kind: GroupKind,
    chosen: &[Uuid],
    limit: i64,
) -> Result<(Vec<Member>, i64), AppError> {
    ctx.require(Right::ConfigView)?;
    let (offered, total) = store::offered(conn, kind, chosen, limit).await?;
    let more = total - offered.len() as i64;
    Ok((offered, more))
}

/// The values of a column to filter by.
pub async fn filter_values(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    kind: GroupKind,
    column: &str,
) -> Result<Vec<String>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(store::values(conn, kind, column).await?)
}

/// What was changed on a group.
pub async fn history(conn: &mut Conn, ctx: &Ctx<'_>, kind: GroupKind, id: Uuid) -> Result<Vec<Change>, AppError> {
    ctx.require(Right::ConfigView)?;
    history::of(conn, words(kind).kind, id).await
}

/// Changes a group. Scans that run keep their scope.
pub async fn update(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    kind: GroupKind,
    id: Uuid,
    patch: GroupPatch,
) -> Result<Group, AppError> {
    ctx.require(Right::ConfigManage)?;
    let words = words(kind);
    let before = editable(conn, kind, id).await?;
    fields::fresh(before.version, patch.version)?;
    let members = patch.members.unwrap_or_else(|| before.members.iter().map(|member| member.id).collect());
    let name = patch.name.as_deref().unwrap_or(&before.name);
    let description = patch.description.as_deref().unwrap_or(&before.description);
    let fields = check(conn, kind, name, description, members).await?;
    let done = store::update(conn, kind, id, patch.version, &fields)
        .await
        .map_err(|error| fields::name_taken(error, words.name_unique, words.kind, &fields.name))?;
    if !done {
        return Err(AppError::Stale);
    }
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let after = stored(conn, kind, id).await?;
    let entry = audit::Entry::change("updated", words.kind, id).diff(shown(&words, &before), shown(&words, &after));
    audit::record(conn, ctx, entry).await?;
    Ok(after)
}

/// Makes a copy called `name`, with the same members.
pub async fn duplicate(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    kind: GroupKind,
    id: Uuid,
    name: &str,
) -> Result<Group, AppError> {
    ctx.require(Right::ConfigManage)?;
    let from = stored(conn, kind, id).await?;
    let members = from.members.iter().map(|member| member.id).collect();
    create(conn, ctx, kind, NewGroup { name: name.to_owned(), description: from.description, members }).await
}

/// Deletes a group that nothing refers to. Its members stay.
pub async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, kind: GroupKind, id: Uuid) -> Result<(), AppError> {
    ctx.require(Right::ConfigManage)?;
    let words = words(kind);
    let group = editable(conn, kind, id).await?;
    fields::unused(store::referrers(conn, kind, id).await?)?;
    fields::deleted(store::delete(conn, kind, id).await, words.kind)?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let entry = audit::Entry::change("deleted", words.kind, id).diff(shown(&words, &group), Value::Null);
    audit::record(conn, ctx, entry).await
}

/// What refers to it, so that it cannot be deleted.
pub async fn users(conn: &mut Conn, ctx: &Ctx<'_>, kind: GroupKind, id: Uuid) -> Result<Vec<Referrer>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(fields::referrers(store::referrers(conn, kind, id).await?))
}

async fn stored(conn: &mut Conn, kind: GroupKind, id: Uuid) -> Result<Group, AppError> {
    store::get(conn, kind, id).await?.ok_or(AppError::NotFound(words(kind).kind))
}

async fn editable(conn: &mut Conn, kind: GroupKind, id: Uuid) -> Result<Group, AppError> {
    let group = stored(conn, kind, id).await?;
    if group.built_in { Err(fields::built_in(words(kind).kind)) } else { Ok(group) }
}
