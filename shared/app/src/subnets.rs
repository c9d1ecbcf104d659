//! Subnets: CIDR targets, and which scanners scan them.
use ipnet::IpNet;
use mipo_domain::address::IpRange;
use mipo_domain::ids::{ScannerId, SubnetId};
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::subnets::{self as store, Fields};
use mipo_store::config::{live, scanners};
use mipo_store::lists::{Ask, Found};
use serde_json::{Value, json};

pub use mipo_store::config::subnets::Subnet;

use crate::error::Referrer;
use crate::fields::{self, Checks};
use crate::history::{self, Change};
use crate::{AppError, Ctx, audit};

const KIND: &str = "subnet";
const NAME_UNIQUE: &str = "subnets_name_unique";

/// A new subnet, as it was typed.
#[derive(Clone, Debug, Default)]
pub struct NewSubnet {
    /// Its name.
    pub name: String,
    /// The network.
    pub cidr: String,
    /// What it is for.
    pub description: String,
    /// Probes per second over all its scanners, 0 for no limit.
    pub rate_limit: i64,
    /// Scanners that scan it.
    pub scanners: Vec<ScannerId>,
}

/// What is to change of a subnet; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct SubnetPatch {
    /// The version that is edited.
    pub version: i32,
    /// Its name.
    pub name: Option<String>,
    /// The network.
    pub cidr: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Probes per second, 0 for no limit.
    pub rate_limit: Option<i64>,
}

/// How many addresses a network has.
pub fn ip_count(cidr: IpNet) -> u128 {
    IpRange::from(cidr).count()
}

fn shown(fields: &Fields) -> Value {
    json!({
        "name": fields.name,
        "cidr": fields.cidr.to_string(),
        "description": fields.description,
        "rateLimit": fields.rate_limit,
    })
}

fn fields_of(subnet: &Subnet) -> Fields {
    Fields {
        name: subnet.name.clone(),
        description: subnet.description.clone(),
        cidr: subnet.cidr,
        rate_limit: subnet.rate_limit,
    }
}

fn check(name: &str, cidr: &str, description: &str, rate_limit: i64) -> Result<Fields, AppError> {
    let mut checks = Checks::new();
    let name = checks.name("name", name);
    let net = checks.cidr("cidr", cidr);
    let description = checks.description("description", description);
    let rate_limit = checks.rate("rateLimit", rate_limit);
    checks.done()?;
    let cidr = net.ok_or_else(|| AppError::Internal("a network passed the checks without being read".to_owned()))?;
    Ok(Fields { name, description, cidr, rate_limit })
}

/// Makes a subnet.
pub async fn create(conn: &mut Conn, ctx: &Ctx<'_>, input: NewSubnet) -> Result<Subnet, AppError> {
    ctx.require(Right::ConfigManage)?;
    let fields = check(&input.name, &input.cidr, &input.description, input.rate_limit)?;
    known_scanners(conn, "scannerIds", &input.scanners).await?;
    let id = SubnetId::mint(ctx.clock, ctx.entropy);
    store::insert(conn, id, &fields)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    store::set_scanners(conn, id, &input.scanners).await?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let subnet = stored(conn, id).await?;
    let mut after = shown(&fields);
    after["scanners"] = scanner_names(&subnet);
    audit::record(conn, ctx, audit::Entry::change("created", KIND, id).diff(Value::Null, after)).await?;
    Ok(subnet)
}

/// A page of subnets.
pub async fn list(conn: &mut Conn, ctx: &Ctx<'_>, ask: &Ask) -> Result<Found<Subnet>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(store::list(conn, ask).await?)
}

/// One subnet.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, id: SubnetId) -> Result<Subnet, AppError> {
    ctx.require(Right::ConfigView)?;
    stored(conn, id).await
}

/// The values of a column to filter by.
pub async fn filter_values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(store::values(conn, column).await?)
}

/// What was changed on a subnet.
pub async fn history(conn: &mut Conn, ctx: &Ctx<'_>, id: SubnetId) -> Result<Vec<Change>, AppError> {
    ctx.require(Right::ConfigView)?;
    history::of(conn, KIND, id).await
}

/// Changes a subnet. Scans that run keep their scope.
pub async fn update(conn: &mut Conn, ctx: &Ctx<'_>, id: SubnetId, patch: SubnetPatch) -> Result<Subnet, AppError> {
    ctx.require(Right::ConfigManage)?;
    let before = editable(conn, id).await?;
    fields::fresh(before.version, patch.version)?;
    let fields = check(
        patch.name.as_deref().unwrap_or(&before.name),
        &patch.cidr.unwrap_or_else(|| before.cidr.to_string()),
        patch.description.as_deref().unwrap_or(&before.description),
        patch.rate_limit.unwrap_or_else(|| before.rate_limit.into()),
    )?;
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

/// Sets which scanners scan a subnet.
pub async fn assign_scanners(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: SubnetId,
    version: i32,
    scanners: &[ScannerId],
) -> Result<Subnet, AppError> {
    ctx.require(Right::ConfigManage)?;
    let before = stored(conn, id).await?;
    fields::fresh(before.version, version)?;
    known_scanners(conn, "scannerIds", scanners).await?;
    if !store::touch(conn, id, version).await? {
        return Err(AppError::Stale);
    }
    store::set_scanners(conn, id, scanners).await?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let after = stored(conn, id).await?;
    let entry = audit::Entry::change("scanners assigned", KIND, id)
        .diff(json!({ "scanners": scanner_names(&before) }), json!({ "scanners": scanner_names(&after) }));
    audit::record(conn, ctx, entry).await?;
    Ok(after)
}

/// Makes a copy called `name`, with the same scanners.
pub async fn duplicate(conn: &mut Conn, ctx: &Ctx<'_>, id: SubnetId, name: &str) -> Result<Subnet, AppError> {
    ctx.require(Right::ConfigManage)?;
    let from = stored(conn, id).await?;
    let input = NewSubnet {
        name: name.to_owned(),
        cidr: from.cidr.to_string(),
        description: from.description.clone(),
        rate_limit: from.rate_limit.into(),
        scanners: from.scanners.iter().map(|scanner| scanner.id.into()).collect(),
    };
    create(conn, ctx, input).await
}

/// Deletes a subnet that nothing refers to. What was found in it stays.
pub async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: SubnetId) -> Result<(), AppError> {
    ctx.require(Right::ConfigManage)?;
    let subnet = editable(conn, id).await?;
    fields::unused(store::referrers(conn, id).await?)?;
    fields::deleted(store::delete(conn, id).await, KIND)?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let entry = audit::Entry::change("deleted", KIND, id).diff(shown(&fields_of(&subnet)), Value::Null);
    audit::record(conn, ctx, entry).await
}

/// What refers to it, so that it cannot be deleted.
pub async fn users(conn: &mut Conn, ctx: &Ctx<'_>, id: SubnetId) -> Result<Vec<Referrer>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(fields::referrers(store::referrers(conn, id).await?))
}

async fn stored(conn: &mut Conn, id: SubnetId) -> Result<Subnet, AppError> {
    store::get(conn, id).await?.ok_or(AppError::NotFound(KIND))
}

async fn editable(conn: &mut Conn, id: SubnetId) -> Result<Subnet, AppError> {
    let subnet = stored(conn, id).await?;
    if subnet.built_in { Err(fields::built_in(KIND)) } else { Ok(subnet) }
}

async fn known_scanners(conn: &mut Conn, field: &str, ids: &[ScannerId]) -> Result<(), AppError> {
    let known = scanners::get_many(conn, ids.iter().map(|id| id.as_uuid()).collect()).await?;
    let mut checks = Checks::new();
    for (index, id) in ids.iter().enumerate() {
        if !known.iter().any(|scanner| scanner.id == *id) {
            checks.refuse(format!("{field}[{index}]"), "unknown", format!("There is no scanner {id}."));
        }
    }
    checks.done()
}

fn scanner_names(subnet: &Subnet) -> Value {
    subnet.scanners.iter().map(|scanner| scanner.name.clone()).collect()
}
