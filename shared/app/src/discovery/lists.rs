//! Discovery lists: sources make and fill them, people look, slow them down and delete them.
use ipnet::IpNet;
use mipo_domain::address;
use mipo_domain::ids::DiscoveryListId;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::discovery as store;
use mipo_store::config::live;
use mipo_store::lists::{Ask, Found};
use serde_json::{Value, json};

pub use mipo_store::config::discovery::{DiscoveryList, Seen};

use super::LIST as KIND;
use crate::error::Referrer;
use crate::fields::{self, Checks, sentence};
use crate::history::{self, Change};
use crate::{AppError, Ctx, audit};

/// A page of lists.
pub async fn list_lists(conn: &mut Conn, ctx: &Ctx<'_>, ask: &Ask) -> Result<Found<DiscoveryList>, AppError> {
    ctx.require(Right::DiscoveryView)?;
    Ok(store::lists(conn, ask).await?)
}

/// One list.
pub async fn get_list(conn: &mut Conn, ctx: &Ctx<'_>, id: DiscoveryListId) -> Result<DiscoveryList, AppError> {
    ctx.require(Right::DiscoveryView)?;
    stored(conn, id).await
}

/// The values of a column of lists to filter by.
pub async fn list_values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::DiscoveryView)?;
    Ok(store::list_values(conn, column).await?)
}

/// What was changed on a list; not every push.
pub async fn list_history(conn: &mut Conn, ctx: &Ctx<'_>, id: DiscoveryListId) -> Result<Vec<Change>, AppError> {
    ctx.require(Right::DiscoveryView)?;
    history::of(conn, KIND, id).await
}

/// The addresses of a list in their order. `q` narrows to an address or a network.
pub async fn ips(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: DiscoveryListId,
    ask: &Ask,
) -> Result<(DiscoveryList, Found<Seen>), AppError> {
    ctx.require(Right::DiscoveryView)?;
    let list = stored(conn, id).await?;
    let within: Option<IpNet> = match ask.q.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(
            address::parse_cidr(text)
                .map_err(|error| AppError::invalid("q", error.code(), sentence(&error.to_string())))?,
        ),
    };
    let found = store::ips(conn, &list, within, ask.limit, ask.offset).await?;
    Ok((list, found))
}

/// Sets the rate limit of a list, probes per second over all its scanners.
pub async fn update_list(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: DiscoveryListId,
    version: i32,
    rate_limit: i64,
) -> Result<DiscoveryList, AppError> {
    ctx.require(Right::DiscoveryManage)?;
    let before = stored(conn, id).await?;
    fields::fresh(before.version, version)?;
    let mut checks = Checks::new();
    let rate_limit = checks.rate("rateLimit", rate_limit);
    checks.done()?;
    if !store::update_list(conn, id, version, rate_limit).await? {
        return Err(AppError::Stale);
    }
    live::emit(conn, live::topics::DISCOVERY, &id.to_string()).await?;
    let entry = audit::Entry::change("updated", KIND, id)
        .diff(json!({ "rateLimit": before.rate_limit }), json!({ "rateLimit": rate_limit }));
    audit::record(conn, ctx, entry).await?;
    stored(conn, id).await
}

/// Deletes a list that nothing refers to. What was found on its addresses stays.
pub async fn delete_list(conn: &mut Conn, ctx: &Ctx<'_>, id: DiscoveryListId) -> Result<(), AppError> {
    ctx.require(Right::DiscoveryManage)?;
    let list = stored(conn, id).await?;
    fields::unused(store::list_referrers(conn, id).await?)?;
    fields::deleted(store::delete_list(conn, id).await, KIND)?;
    live::emit(conn, live::topics::DISCOVERY, &id.to_string()).await?;
    let before = json!({ "name": list.name, "source": list.source.name, "ipCount": list.ip_count });
    audit::record(conn, ctx, audit::Entry::change("deleted", KIND, id).diff(before, Value::Null)).await
}

/// What refers to it, so that it cannot be deleted.
pub async fn list_users(conn: &mut Conn, ctx: &Ctx<'_>, id: DiscoveryListId) -> Result<Vec<Referrer>, AppError> {
    ctx.require(Right::DiscoveryView)?;
    Ok(fields::referrers(store::list_referrers(conn, id).await?))
}

async fn stored(conn: &mut Conn, id: DiscoveryListId) -> Result<DiscoveryList, AppError> {
    store::list(conn, id).await?.ok_or(AppError::NotFound(KIND))
}
