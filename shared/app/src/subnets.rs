//! Subnets: CIDR targets, and which scanners scan them.
use ipnet::IpNet;
use mipo_domain::address::IpRange;
use mipo_domain::ids::SubnetId;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::live;
use mipo_store::config::subnets::{self as store, Fields};
use mipo_store::lists::{Ask, Found};
use serde_json::{Value, json};
use uuid::Uuid;

pub use mipo_store::config::subnets::Subnet;

use crate::assignments::{self, Assignment, Scanned};
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
    /// Who scans it.
    pub assignment: Assignment,
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

fn check(mut checks: Checks, name: &str, cidr: &str, description: &str, rate_limit: i64) -> Result<Fields, AppError> {
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
    let mut checks = Checks::new();
    input.assignment.check(conn, &mut checks).await?;
    let fields = check(checks, &input.name, &input.cidr, &input.description, input.rate_limit)?;
    let id = SubnetId::mint(ctx.clock, ctx.entropy);
    store::insert(conn, id, &fields)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    input.assignment.store(conn, Scanned::Subnet(id)).await?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let subnet = stored(conn, id).await?;
    let mut after = assigned(&subnet);
    for (name, value) in shown(&fields).as_object().into_iter().flatten() {
        after[name] = value.clone();
    }
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
        Checks::new(),
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

/// Sets who scans a subnet; groups that are left out stay.
pub async fn assign_scanners(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: SubnetId,
    version: i32,
    scanners: Vec<Uuid>,
    groups: Option<Vec<Uuid>>,
) -> Result<Subnet, AppError> {
    ctx.require(Right::ConfigManage)?;
    let before = stored(conn, id).await?;
    fields::fresh(before.version, version)?;
    let groups = groups.unwrap_or_else(|| before.scanner_groups.iter().map(|group| group.id).collect());
    let assignment = Assignment { scanners, groups };
    let mut checks = Checks::new();
    assignment.check(conn, &mut checks).await?;
    checks.done()?;
    if !store::touch(conn, id, version).await? {
        return Err(AppError::Stale);
    }
    assignment.store(conn, Scanned::Subnet(id)).await?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let after = stored(conn, id).await?;
    let entry = audit::Entry::change("scanners assigned", KIND, id).diff(assigned(&before), assigned(&after));
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
        assignment: Assignment::of(&from.scanners, &from.scanner_groups),
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

fn assigned(subnet: &Subnet) -> Value {
    assignments::shown(&subnet.scanners, &subnet.scanner_groups)
}
