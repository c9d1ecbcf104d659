//! Discovery sources: other systems, each with a key of its own.
use mipo_domain::ids::DiscoverySourceId;
use mipo_domain::names;
use mipo_domain::rights::Right;
use mipo_domain::secrets::{KeyKind, Token};
use mipo_store::Conn;
use mipo_store::config::discovery::{self as store, Key, SourceFields};
use mipo_store::config::live;
use mipo_store::lists::{Ask, Found};
use serde_json::{Value, json};

pub use mipo_store::config::discovery::DiscoverySource;

use super::SOURCE as KIND;
use crate::error::Referrer;
use crate::fields::{self, Checks, sentence};
use crate::history::{self, Change};
use crate::{AppError, Ctx, audit};

const NAME_UNIQUE: &str = "discovery_sources_name_unique";

/// A new source.
#[derive(Clone, Debug, Default)]
pub struct NewSource {
    /// Its name, up to 100 characters.
    pub name: String,
    /// What it is for.
    pub description: String,
}

/// What is to change of a source; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct SourcePatch {
    /// The version that is edited.
    pub version: i32,
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Its calls are answered.
    pub enabled: Option<bool>,
}

/// A source with its new key, which nobody can see again.
pub struct KeyShown {
    /// The source.
    pub source: DiscoverySource,
    /// The key.
    pub key: Token,
}

fn check(name: &str, description: &str, enabled: bool) -> Result<SourceFields, AppError> {
    let mut checks = Checks::new();
    let name = name.trim().to_owned();
    if let Err(fault) = names::check_source_name(&name) {
        checks.refuse("name", fault.code(), sentence(&format!("A name {fault}")));
    }
    let description = checks.description("description", description);
    checks.done()?;
    Ok(SourceFields { name, description, enabled })
}

fn shown(source: &DiscoverySource) -> Value {
    json!({
        "name": source.name,
        "description": source.description,
        "enabled": source.enabled,
        "keyPrefix": source.key_prefix,
    })
}

fn stored_key<'a>(key: &'a Token, hash: &'a [u8]) -> Result<Key<'a>, AppError> {
    let prefix =
        key.prefix(KeyKind::Discovery).ok_or_else(|| AppError::Internal("a new key has no prefix".to_owned()))?;
    Ok(Key { prefix, hash })
}

/// Makes a source and its key.
pub async fn create(conn: &mut Conn, ctx: &Ctx<'_>, input: NewSource) -> Result<KeyShown, AppError> {
    ctx.require(Right::DiscoveryManage)?;
    let fields = check(&input.name, &input.description, true)?;
    let id = DiscoverySourceId::mint(ctx.clock, ctx.entropy);
    let key = Token::key(KeyKind::Discovery, ctx.entropy);
    store::insert_source(conn, id, &fields, stored_key(&key, key.hash().as_bytes())?)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    live::emit(conn, live::topics::DISCOVERY, &id.to_string()).await?;
    let source = stored(conn, id).await?;
    audit::record(conn, ctx, audit::Entry::change("created", KIND, id).diff(Value::Null, shown(&source))).await?;
    Ok(KeyShown { source, key })
}

/// A page of sources.
pub async fn list(conn: &mut Conn, ctx: &Ctx<'_>, ask: &Ask) -> Result<Found<DiscoverySource>, AppError> {
    ctx.require(Right::DiscoveryView)?;
    Ok(store::sources(conn, ask).await?)
}

/// One source.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, id: DiscoverySourceId) -> Result<DiscoverySource, AppError> {
    ctx.require(Right::DiscoveryView)?;
    stored(conn, id).await
}

/// The values of a column to filter by.
pub async fn filter_values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::DiscoveryView)?;
    Ok(store::source_values(conn, column).await?)
}

/// What was changed on a source.
pub async fn history(conn: &mut Conn, ctx: &Ctx<'_>, id: DiscoverySourceId) -> Result<Vec<Change>, AppError> {
    ctx.require(Right::DiscoveryView)?;
    history::of(conn, KIND, id).await
}

/// Changes a source. A disabled one keeps its lists; its calls are refused.
pub async fn update(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: DiscoverySourceId,
    patch: SourcePatch,
) -> Result<DiscoverySource, AppError> {
    ctx.require(Right::DiscoveryManage)?;
    let before = stored(conn, id).await?;
    fields::fresh(before.version, patch.version)?;
    let name = patch.name.as_deref().unwrap_or(&before.name);
    let description = patch.description.as_deref().unwrap_or(&before.description);
    let fields = check(name, description, patch.enabled.unwrap_or(before.enabled))?;
    let done = store::update_source(conn, id, patch.version, &fields)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    if !done {
        return Err(AppError::Stale);
    }
    live::emit(conn, live::topics::DISCOVERY, &id.to_string()).await?;
    let after = stored(conn, id).await?;
    audit::record(conn, ctx, audit::Entry::change("updated", KIND, id).diff(shown(&before), shown(&after))).await?;
    Ok(after)
}

/// Gives a source a new key. The one before works no more at once.
pub async fn rotate_key(conn: &mut Conn, ctx: &Ctx<'_>, id: DiscoverySourceId) -> Result<KeyShown, AppError> {
    ctx.require(Right::DiscoveryManage)?;
    let before = stored(conn, id).await?;
    let key = Token::key(KeyKind::Discovery, ctx.entropy);
    store::set_key(conn, id, stored_key(&key, key.hash().as_bytes())?).await?;
    live::emit(conn, live::topics::DISCOVERY, &id.to_string()).await?;
    let source = stored(conn, id).await?;
    let entry = audit::Entry::change("key rotated", KIND, id)
        .diff(json!({ "keyPrefix": before.key_prefix }), json!({ "keyPrefix": source.key_prefix }));
    audit::record(conn, ctx, entry).await?;
    Ok(KeyShown { source, key })
}

/// Makes a source called `name` with the same description and a key of its own. Lists stay with the one that pushed them.
pub async fn duplicate(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: DiscoverySourceId,
    name: &str,
) -> Result<KeyShown, AppError> {
    ctx.require(Right::DiscoveryManage)?;
    let from = stored(conn, id).await?;
    create(conn, ctx, NewSource { name: name.to_owned(), description: from.description }).await
}

/// Deletes a source with its lists, none of which a template uses. What was found on their addresses stays.
pub async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: DiscoverySourceId) -> Result<(), AppError> {
    ctx.require(Right::DiscoveryManage)?;
    let source = stored(conn, id).await?;
    fields::unused(store::source_referrers(conn, id).await?)?;
    fields::deleted(store::delete_source(conn, id).await, KIND)?;
    live::emit(conn, live::topics::DISCOVERY, &id.to_string()).await?;
    let mut before = shown(&source);
    before["lists"] = json!(source.lists);
    before["ipCount"] = json!(source.ip_count);
    audit::record(conn, ctx, audit::Entry::change("deleted", KIND, id).diff(before, Value::Null)).await
}

/// What refers to a list of it, so that it cannot be deleted.
pub async fn users(conn: &mut Conn, ctx: &Ctx<'_>, id: DiscoverySourceId) -> Result<Vec<Referrer>, AppError> {
    ctx.require(Right::DiscoveryView)?;
    Ok(fields::referrers(store::source_referrers(conn, id).await?))
}

async fn stored(conn: &mut Conn, id: DiscoverySourceId) -> Result<DiscoverySource, AppError> {
    store::source(conn, id).await?.ok_or(AppError::NotFound(KIND))
}
