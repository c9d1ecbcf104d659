//! The port catalog: named ports, with where they are known from, to put into port lists. Never scanned by itself.
use mipo_domain::ids::PortCatalogId;
use mipo_domain::ports::Ports;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::live;
use mipo_store::config::port_catalog::{self as store, Fields};
use mipo_store::lists::{Ask, Found, Named};
use serde_json::{Value, json};

pub use mipo_store::config::port_catalog::Entry;

use crate::error::Referrer;
use crate::fields::{self, Checks};
use crate::history::{self, Change};
use crate::port_lists::read;
use crate::{AppError, Ctx, audit};

const KIND: &str = "port catalog entry";
const NAME_UNIQUE: &str = "port_catalog_name_unique";
/// Sources of one entry, and the length of each.
const SOURCES_MAX: usize = 20;
const SOURCE_LENGTH: usize = 200;

/// A new entry, as it was typed.
#[derive(Clone, Debug, Default)]
pub struct NewEntry {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// `22, 80/tcp, 8000-8100, 53/udp`.
    pub ports: String,
    /// Where it is known from.
    pub sources: Vec<String>,
}

/// What is to change of an entry; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct EntryPatch {
    /// The version that is edited.
    pub version: i32,
    /// Its name.
    pub name: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// The ports.
    pub ports: Option<String>,
    /// Where it is known from.
    pub sources: Option<Vec<String>>,
}

/// The ports of an entry.
pub fn ports_of(entry: &Entry) -> Result<Ports, AppError> {
    Ok(Ports { tcp: read(&entry.tcp_ports)?, udp: read(&entry.udp_ports)? })
}

fn shown(fields: &Fields) -> Value {
    json!({
        "name": fields.name,
        "description": fields.description,
        "tcpPorts": read(&fields.tcp_ports).map(|ports| ports.to_string()).unwrap_or_default(),
        "udpPorts": read(&fields.udp_ports).map(|ports| ports.to_string()).unwrap_or_default(),
        "sources": fields.sources,
    })
}

fn fields_of(entry: &Entry) -> Fields {
    Fields {
        name: entry.name.clone(),
        description: entry.description.clone(),
        tcp_ports: entry.tcp_ports.clone(),
        udp_ports: entry.udp_ports.clone(),
        sources: entry.sources.clone(),
        built_in: entry.built_in,
    }
}

fn check(input: &NewEntry) -> Result<Fields, AppError> {
    let mut checks = Checks::new();
    let name = checks.name("name", &input.name);
    let description = checks.description("description", &input.description);
    if input.ports.trim().is_empty() {
        checks.refuse("ports", "required", "At least one port is needed, such as 22, 80, 8000-8100.");
    }
    let ports = checks.ports("ports", &input.ports);
    if input.sources.len() > SOURCES_MAX {
        let message = format!("At most {SOURCES_MAX} sources; these are {}.", input.sources.len());
        checks.refuse("sources", "too_many", message);
    }
    let sources = input.sources.iter().enumerate();
    let sources = sources.map(|(n, source)| checks.text(&format!("sources[{n}]"), source, SOURCE_LENGTH));
    let sources: Vec<String> = sources.filter(|source| !source.is_empty()).collect();
    checks.done()?;
    Ok(Fields {
        name,
        description,
        tcp_ports: ports.tcp.to_multirange(),
        udp_ports: ports.udp.to_multirange(),
        sources,
        built_in: false,
    })
}

/// Makes an entry.
pub async fn create(conn: &mut Conn, ctx: &Ctx<'_>, input: NewEntry) -> Result<Entry, AppError> {
    ctx.require(Right::ConfigManage)?;
    let fields = check(&input)?;
    let id = PortCatalogId::mint(ctx.clock, ctx.entropy);
    store::insert(conn, id, &fields)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let entry = stored(conn, id).await?;
    audit::record(conn, ctx, audit::Entry::change("created", KIND, id).diff(Value::Null, shown(&fields))).await?;
    Ok(entry)
}

/// A page of the catalog.
pub async fn list(conn: &mut Conn, ctx: &Ctx<'_>, ask: &Ask) -> Result<Found<Entry>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(store::list(conn, ask).await?)
}

/// One entry.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, id: PortCatalogId) -> Result<Entry, AppError> {
    ctx.require(Right::ConfigView)?;
    stored(conn, id).await
}

/// The values of a column to filter by.
pub async fn filter_values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(store::values(conn, column).await?)
}

/// The names of all entries, for somebody who types one.
pub async fn names(conn: &mut Conn, ctx: &Ctx<'_>) -> Result<Vec<String>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(store::names(conn).await?)
}

/// The entries called `names`; `field` is refused for each that is not there.
pub async fn by_names(conn: &mut Conn, ctx: &Ctx<'_>, field: &str, names: &[String]) -> Result<Vec<Named>, AppError> {
    ctx.require(Right::ConfigView)?;
    let found = store::by_names(conn, names).await?;
    let mut checks = Checks::new();
    for (index, name) in names.iter().enumerate() {
        if !found.iter().any(|entry| entry.name.eq_ignore_ascii_case(name)) {
            let message = format!("There is no entry “{name}” in the port catalog; type the ports, or another name.");
            checks.refuse(format!("{field}[{index}]"), "unknown", message);
        }
    }
    checks.done()?;
    Ok(found)
}

/// What was changed on an entry.
pub async fn history(conn: &mut Conn, ctx: &Ctx<'_>, id: PortCatalogId) -> Result<Vec<Change>, AppError> {
    ctx.require(Right::ConfigView)?;
    history::of(conn, KIND, id).await
}

/// Changes an entry. Lists that its ports were imported into keep theirs.
pub async fn update(conn: &mut Conn, ctx: &Ctx<'_>, id: PortCatalogId, patch: EntryPatch) -> Result<Entry, AppError> {
    ctx.require(Right::ConfigManage)?;
    let before = editable(conn, id).await?;
    fields::fresh(before.version, patch.version)?;
    let ports = match patch.ports {
        Some(text) => text,
        None => ports_of(&before)?.to_string(),
    };
    let fields = check(&NewEntry {
        name: patch.name.unwrap_or_else(|| before.name.clone()),
        description: patch.description.unwrap_or_else(|| before.description.clone()),
        ports,
        sources: patch.sources.unwrap_or_else(|| before.sources.clone()),
    })?;
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

/// Makes a copy called `name`; the copy of a built-in entry can be changed.
pub async fn duplicate(conn: &mut Conn, ctx: &Ctx<'_>, id: PortCatalogId, name: &str) -> Result<Entry, AppError> {
    ctx.require(Right::ConfigManage)?;
    let from = stored(conn, id).await?;
    let ports = ports_of(&from)?.to_string();
    create(conn, ctx, NewEntry { name: name.to_owned(), ports, description: from.description, sources: from.sources })
        .await
}

/// Deletes an entry that no port list remembers.
pub async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: PortCatalogId) -> Result<(), AppError> {
    ctx.require(Right::ConfigManage)?;
    let entry = editable(conn, id).await?;
    fields::unused(store::referrers(conn, id).await?)?;
    fields::deleted(store::delete(conn, id).await, KIND)?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let entry = audit::Entry::change("deleted", KIND, id).diff(shown(&fields_of(&entry)), Value::Null);
    audit::record(conn, ctx, entry).await
}

/// The port lists that remember that its ports were imported, so that it cannot be deleted.
pub async fn users(conn: &mut Conn, ctx: &Ctx<'_>, id: PortCatalogId) -> Result<Vec<Referrer>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(fields::referrers(store::referrers(conn, id).await?))
}

async fn stored(conn: &mut Conn, id: PortCatalogId) -> Result<Entry, AppError> {
    store::get(conn, id).await?.ok_or(AppError::NotFound(KIND))
}

async fn editable(conn: &mut Conn, id: PortCatalogId) -> Result<Entry, AppError> {
    let entry = stored(conn, id).await?;
    if entry.built_in { Err(fields::built_in(KIND)) } else { Ok(entry) }
}
