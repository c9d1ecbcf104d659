//! Port lists: ports that can be scanned.
use mipo_domain::ids::PortListId;
use mipo_domain::ports::{PortSet, Ports};
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::live;
use mipo_store::config::port_catalog as catalog;
use mipo_store::config::port_lists::{self as store, Fields};
use mipo_store::lists::{Ask, Found};
use serde_json::{Value, json};
use uuid::Uuid;

pub use mipo_store::config::port_lists::PortList;

use crate::error::Referrer;
use crate::fields::{self, Checks};
use crate::history::{self, Change};
use crate::{AppError, Ctx, audit, port_catalog};

const KIND: &str = "port list";
const NAME_UNIQUE: &str = "port_lists_name_unique";

/// A new port list, as it was typed.
#[derive(Clone, Debug, Default)]
pub struct NewPortList {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// `22, 80/tcp, 8000-8100, 53/udp`.
    pub ports: String,
    /// Probes per second where it is used, 0 for no limit.
    pub rate_limit: i64,
    /// Entries of the port catalog whose ports are added.
    pub catalog_imports: Vec<Uuid>,
}

/// What is to change of a port list; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct PortListPatch {
    /// The version that is edited.
    pub version: i32,
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The ports.
    pub ports: Option<String>,
    /// Probes per second, 0 for no limit.
    pub rate_limit: Option<i64>,
    /// Every entry of the port catalog that is remembered from now on. The ports of new ones are added; those of ones
    /// that are left out stay.
    pub catalog_imports: Option<Vec<Uuid>>,
}

/// The ports of a list.
pub fn ports_of(list: &PortList) -> Result<Ports, AppError> {
    Ok(Ports { tcp: read(&list.tcp_ports)?, udp: read(&list.udp_ports)? })
}

pub(crate) fn read(multirange: &str) -> Result<PortSet, AppError> {
    PortSet::from_multirange(multirange).map_err(|error| AppError::Internal(error.to_string()))
}

/// Reads a port text without storing it; every bad piece is named with its position.
pub fn parse(ctx: &Ctx<'_>, text: &str) -> Result<Ports, AppError> {
    ctx.require(Right::ConfigView)?;
    let mut checks = Checks::new();
    let ports = checks.ports("ports", text);
    checks.done()?;
    Ok(ports)
}

/// `ports` with those of the entries of the catalog called `names`.
pub async fn with_imports(conn: &mut Conn, ctx: &Ctx<'_>, ports: &Ports, names: &[String]) -> Result<Ports, AppError> {
    let entries = port_catalog::by_names(conn, ctx, "catalogImports", names).await?;
    let ids: Vec<Uuid> = entries.into_iter().map(|entry| entry.id).collect();
    Ok(ports.union(&imported(conn, &mut Checks::new(), &ids, &[]).await?))
}

fn shown(fields: &Fields) -> Value {
    json!({
        "name": fields.name,
        "description": fields.description,
        "tcpPorts": read(&fields.tcp_ports).map(|ports| ports.to_string()).unwrap_or_default(),
        "udpPorts": read(&fields.udp_ports).map(|ports| ports.to_string()).unwrap_or_default(),
        "rateLimit": fields.rate_limit,
        "catalogImports": fields.catalog_imports,
    })
}

fn fields_of(list: &PortList) -> Fields {
    Fields {
        name: list.name.clone(),
        description: list.description.clone(),
        tcp_ports: list.tcp_ports.clone(),
        udp_ports: list.udp_ports.clone(),
        rate_limit: list.rate_limit,
        catalog_imports: list.catalog_imports.iter().map(|entry| entry.id).collect(),
        built_in: list.built_in,
    }
}

/// The ports of the entries of the catalog that are not among `known` yet; refuses those that are not there.
async fn imported(conn: &mut Conn, checks: &mut Checks, imports: &[Uuid], known: &[Uuid]) -> Result<Ports, AppError> {
    let entries = catalog::get_many(conn, imports.to_vec()).await?;
    for (index, id) in imports.iter().enumerate() {
        if !entries.iter().any(|entry| entry.id.as_uuid() == *id) {
            let message = format!("There is no entry {id} in the port catalog.");
            checks.refuse(format!("catalogImports[{index}]"), "unknown", message);
        }
    }
    let mut ports = Ports::default();
    for entry in entries.iter().filter(|entry| !known.contains(&entry.id.as_uuid())) {
        ports = ports.union(&Ports { tcp: read(&entry.tcp_ports)?, udp: read(&entry.udp_ports)? });
    }
    Ok(ports)
}

async fn check(conn: &mut Conn, input: &NewPortList, known: &[Uuid]) -> Result<Fields, AppError> {
    let NewPortList { name, description, ports, rate_limit, catalog_imports } = input;
    let mut checks = Checks::new();
    let name = checks.name("name", name);
    let description = checks.description("description", description);
    let rate_limit = checks.rate("rateLimit", *rate_limit);
    let imported = imported(conn, &mut checks, catalog_imports, known).await?;
    if ports.trim().is_empty() && imported.is_empty() {
        checks.refuse("ports", "required", "At least one port is needed, such as 22, 80, 8000-8100.");
    }
    let ports = checks.ports("ports", ports).union(&imported);
    checks.done()?;
    let mut catalog_imports = catalog_imports.clone();
    catalog_imports.sort_unstable();
    catalog_imports.dedup();
    Ok(Fields {
        name,
        description,
        tcp_ports: ports.tcp.to_multirange(),
        udp_ports: ports.udp.to_multirange(),
        rate_limit,
        catalog_imports,
        built_in: false,
    })
}

/// Makes a port list.
pub async fn create(conn: &mut Conn, ctx: &Ctx<'_>, input: NewPortList) -> Result<PortList, AppError> {
    ctx.require(Right::ConfigManage)?;
    let fields = check(conn, &input, &[]).await?;
    let id = PortListId::mint(ctx.clock, ctx.entropy);
    store::insert(conn, id, &fields)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let list = stored(conn, id).await?;
    audit::record(conn, ctx, audit::Entry::change("created", KIND, id).diff(Value::Null, shown(&fields))).await?;
    Ok(list)
}

/// A page of port lists.
pub async fn list(conn: &mut Conn, ctx: &Ctx<'_>, ask: &Ask) -> Result<Found<PortList>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(store::list(conn, ask).await?)
}

/// One port list.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, id: PortListId) -> Result<PortList, AppError> {
    ctx.require(Right::ConfigView)?;
    stored(conn, id).await
}

/// The values of a column to filter by.
pub async fn filter_values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(store::values(conn, column).await?)
}

/// What was changed on a port list.
pub async fn history(conn: &mut Conn, ctx: &Ctx<'_>, id: PortListId) -> Result<Vec<Change>, AppError> {
    ctx.require(Right::ConfigView)?;
    history::of(conn, KIND, id).await
}

/// Changes a port list. Scans that run keep their scope.
pub async fn update(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: PortListId,
    patch: PortListPatch,
) -> Result<PortList, AppError> {
    ctx.require(Right::ConfigManage)?;
    let before = editable(conn, id).await?;
    fields::fresh(before.version, patch.version)?;
    let ports = match patch.ports {
        Some(text) => text,
        None => ports_of(&before)?.to_string(),
    };
    let known: Vec<Uuid> = before.catalog_imports.iter().map(|entry| entry.id).collect();
    let input = NewPortList {
        name: patch.name.unwrap_or_else(|| before.name.clone()),
        description: patch.description.unwrap_or_else(|| before.description.clone()),
        ports,
        rate_limit: patch.rate_limit.unwrap_or_else(|| before.rate_limit.into()),
        catalog_imports: patch.catalog_imports.unwrap_or_else(|| known.clone()),
    };
    let fields = check(conn, &input, &known).await?;
    let done = store::update(conn, id, patch.version, &fields)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    if !done {
        return Err(AppError::Stale);
    }
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let after = stored(conn, id).await?;
    let entry = audit::Entry::change("updated", KIND, id).diff(shown(&fields_of(&before)), shown(&fields));
    audit::record(conn, ctx, entry).await?;
    Ok(after)
}

/// Makes a copy called `name`; the copy of a built-in list can be changed.
pub async fn duplicate(conn: &mut Conn, ctx: &Ctx<'_>, id: PortListId, name: &str) -> Result<PortList, AppError> {
    ctx.require(Right::ConfigManage)?;
    let from = stored(conn, id).await?;
    let input = NewPortList {
        name: name.to_owned(),
        ports: ports_of(&from)?.to_string(),
        description: from.description,
        rate_limit: from.rate_limit.into(),
        catalog_imports: from.catalog_imports.iter().map(|entry| entry.id).collect(),
    };
    create(conn, ctx, input).await
}

/// Deletes a port list that nothing refers to.
pub async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: PortListId) -> Result<(), AppError> {
    ctx.require(Right::ConfigManage)?;
    let list = editable(conn, id).await?;
    fields::unused(store::referrers(conn, id).await?)?;
    fields::deleted(store::delete(conn, id).await, KIND)?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let entry = audit::Entry::change("deleted", KIND, id).diff(shown(&fields_of(&list)), Value::Null);
    audit::record(conn, ctx, entry).await
}

/// What refers to it, so that it cannot be deleted.
pub async fn users(conn: &mut Conn, ctx: &Ctx<'_>, id: PortListId) -> Result<Vec<Referrer>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(fields::referrers(store::referrers(conn, id).await?))
}

async fn stored(conn: &mut Conn, id: PortListId) -> Result<PortList, AppError> {
    store::get(conn, id).await?.ok_or(AppError::NotFound(KIND))
}

async fn editable(conn: &mut Conn, id: PortListId) -> Result<PortList, AppError> {
    let list = stored(conn, id).await?;
    if list.built_in { Err(fields::built_in(KIND)) } else { Ok(list) }
}
