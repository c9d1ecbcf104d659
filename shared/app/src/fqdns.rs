//! FQDNs: host names that are resolved when a scan is planned, and which scanners scan them.
use ipnet::IpNet;
use mipo_domain::host_names::is_host_name;
use mipo_domain::ids::FqdnId;
use mipo_domain::planner::Warning;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::fqdns::{self as store, Fields};
use mipo_store::config::{live, planning as planning_store};
use mipo_store::lists::{Ask, Found};
use serde_json::{Value, json};

pub use mipo_store::config::fqdns::Fqdn;

use crate::assignments::{self, Assignment, Scanned};
use crate::error::Referrer;
use crate::fields::{self, Checks};
use crate::history::{self, Change};
use crate::planning::{self, Resolved};
use crate::{AppError, Ctx, audit};

const KIND: &str = "FQDN";
const NAME_UNIQUE: &str = "fqdns_name_unique";
/// Networks that one FQDN may be held to.
const MAX_ALLOWED: usize = 64;

/// A new FQDN, as it was typed.
#[derive(Clone, Debug, Default)]
pub struct NewFqdn {
    /// Its name.
    pub name: String,
    /// What is resolved.
    pub hostname: String,
    /// What it is for.
    pub description: String,
    /// Networks in which its addresses must lie; empty = anywhere.
    pub allowed_cidrs: Vec<String>,
    /// Probes per second over all its scanners, 0 for no limit.
    pub rate_limit: i64,
    /// Who scans it.
    pub assignment: Assignment,
}

/// What is to change of an FQDN; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct FqdnPatch {
    /// The version that is edited.
    pub version: i32,
    /// Its name.
    pub name: Option<String>,
    /// What is resolved.
    pub hostname: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Networks in which its addresses must lie.
    pub allowed_cidrs: Option<Vec<String>>,
    /// Probes per second, 0 for no limit.
    pub rate_limit: Option<i64>,
    /// Who scans it.
    pub assignment: AssignmentPatch,
}

/// What is to change of who scans it.
#[derive(Clone, Debug, Default)]
pub struct AssignmentPatch {
    /// All scanners from now on.
    pub scanners: Option<Vec<uuid::Uuid>>,
    /// All scanner groups from now on.
    pub groups: Option<Vec<uuid::Uuid>>,
}

fn shown(fqdn: &Fqdn) -> Value {
    let mut value = assignments::shown(&fqdn.scanners, &fqdn.scanner_groups);
    value["name"] = json!(fqdn.name);
    value["hostname"] = json!(fqdn.hostname);
    value["description"] = json!(fqdn.description);
    value["allowedCidrs"] = fqdn.allowed_cidrs.iter().map(ToString::to_string).collect();
    value["rateLimit"] = json!(fqdn.rate_limit);
    value
}

fn check_hostname(checks: &mut Checks, text: &str) -> String {
    let hostname = text.trim().trim_end_matches('.').to_ascii_lowercase();
    if hostname.is_empty() {
        checks.refuse("hostname", "required", "A host name is needed, such as www.example.org.");
    } else if !is_host_name(&hostname) {
        let message = format!(
            "“{hostname}” is no host name: letters, digits and inner hyphens, parted by dots. An address is a subnet."
        );
        checks.refuse("hostname", "not_a_host_name", message);
    }
    hostname
}

fn check_allowed(checks: &mut Checks, texts: &[String]) -> Vec<IpNet> {
    if texts.len() > MAX_ALLOWED {
        let message = format!("At most {MAX_ALLOWED} networks, these are {}.", texts.len());
        checks.refuse("allowedCidrs", "too_many", message);
        return Vec::new();
    }
    texts.iter().enumerate().filter_map(|(n, text)| checks.cidr(&format!("allowedCidrs[{n}]"), text)).collect()
}

async fn check(conn: &mut Conn, input: &NewFqdn) -> Result<Fields, AppError> {
    let mut checks = Checks::new();
    let fields = Fields {
        name: checks.name("name", &input.name),
        hostname: check_hostname(&mut checks, &input.hostname),
        description: checks.description("description", &input.description),
        allowed_cidrs: check_allowed(&mut checks, &input.allowed_cidrs),
        rate_limit: checks.rate("rateLimit", input.rate_limit),
    };
    input.assignment.check(conn, &mut checks).await?;
    checks.done()?;
    Ok(fields)
}

/// Makes an FQDN.
pub async fn create(conn: &mut Conn, ctx: &Ctx<'_>, input: NewFqdn) -> Result<Fqdn, AppError> {
    ctx.require(Right::ConfigManage)?;
    let fields = check(conn, &input).await?;
    let id = FqdnId::mint(ctx.clock, ctx.entropy);
    store::insert(conn, id, &fields)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    input.assignment.store(conn, Scanned::Fqdn(id)).await?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let fqdn = stored(conn, id).await?;
    audit::record(conn, ctx, audit::Entry::change("created", KIND, id).diff(Value::Null, shown(&fqdn))).await?;
    Ok(fqdn)
}

/// A page of FQDNs.
pub async fn list(conn: &mut Conn, ctx: &Ctx<'_>, ask: &Ask) -> Result<Found<Fqdn>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(store::list(conn, ask).await?)
}

/// One FQDN.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, id: FqdnId) -> Result<Fqdn, AppError> {
    ctx.require(Right::ConfigView)?;
    stored(conn, id).await
}

/// The values of a column to filter by.
pub async fn filter_values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(store::values(conn, column).await?)
}

/// What was changed on an FQDN.
pub async fn history(conn: &mut Conn, ctx: &Ctx<'_>, id: FqdnId) -> Result<Vec<Change>, AppError> {
    ctx.require(Right::ConfigView)?;
    history::of(conn, KIND, id).await
}

/// Changes an FQDN. Scans that run keep their scope.
pub async fn update(conn: &mut Conn, ctx: &Ctx<'_>, id: FqdnId, patch: FqdnPatch) -> Result<Fqdn, AppError> {
    ctx.require(Right::ConfigManage)?;
    let before = editable(conn, id).await?;
    fields::fresh(before.version, patch.version)?;
    let was = Assignment::of(&before.scanners, &before.scanner_groups);
    let input = NewFqdn {
        name: patch.name.unwrap_or_else(|| before.name.clone()),
        hostname: patch.hostname.unwrap_or_else(|| before.hostname.clone()),
        description: patch.description.unwrap_or_else(|| before.description.clone()),
        allowed_cidrs: patch
            .allowed_cidrs
            .unwrap_or_else(|| before.allowed_cidrs.iter().map(ToString::to_string).collect()),
        rate_limit: patch.rate_limit.unwrap_or_else(|| before.rate_limit.into()),
        assignment: Assignment {
            scanners: patch.assignment.scanners.unwrap_or(was.scanners),
            groups: patch.assignment.groups.unwrap_or(was.groups),
        },
    };
    let fields = check(conn, &input).await?;
    let done = store::update(conn, id, patch.version, &fields)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    if !done {
        return Err(AppError::Stale);
    }
    input.assignment.store(conn, Scanned::Fqdn(id)).await?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let after = stored(conn, id).await?;
    audit::record(conn, ctx, audit::Entry::change("updated", KIND, id).diff(shown(&before), shown(&after))).await?;
    Ok(after)
}

/// What resolving an FQDN now came to.
#[derive(Clone, Debug)]
pub struct ResolvedNow {
    /// The FQDN with what it resolves to now; unchanged when the resolver failed.
    pub fqdn: Fqdn,
    /// What people should know: why it does not resolve, addresses outside its networks, too many of them.
    pub warnings: Vec<Warning>,
}

/// Keeps what the resolver said of an FQDN, by the rules of planning. The caller asked it outside any transaction, with
/// the host name that [`get`] told it; when another one is stored by now, nothing is kept.
pub async fn keep_resolved(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: FqdnId,
    answers: &Resolved,
) -> Result<ResolvedNow, AppError> {
    ctx.require(Right::ConfigManage)?;
    let before = stored(conn, id).await?;
    if !answers.0.contains_key(&before.hostname) {
        return Err(AppError::Stale);
    }
    let mut warnings = Vec::new();
    let allowed = before.allowed_cidrs.iter().copied().collect();
    let label = format!("FQDN {}", before.name);
    let Some(found) = planning::addresses_of(&label, &before.hostname, &allowed, answers, &mut warnings) else {
        return Ok(ResolvedNow { fqdn: before, warnings });
    };
    planning_store::set_resolved(conn, id, &json!(found), ctx.now()).await?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let entry = audit::Entry::change("resolved", KIND, id)
        .diff(json!({ "addresses": before.last_resolved.0 }), json!({ "addresses": found }));
    audit::record(conn, ctx, entry).await?;
    Ok(ResolvedNow { fqdn: stored(conn, id).await?, warnings })
}

/// Makes a copy called `name`, with the same scanners.
pub async fn duplicate(conn: &mut Conn, ctx: &Ctx<'_>, id: FqdnId, name: &str) -> Result<Fqdn, AppError> {
    ctx.require(Right::ConfigManage)?;
    let from = stored(conn, id).await?;
    let input = NewFqdn {
        name: name.to_owned(),
        allowed_cidrs: from.allowed_cidrs.iter().map(ToString::to_string).collect(),
        rate_limit: from.rate_limit.into(),
        assignment: Assignment::of(&from.scanners, &from.scanner_groups),
        hostname: from.hostname,
        description: from.description,
    };
    create(conn, ctx, input).await
}

/// Deletes an FQDN that nothing refers to. What was found on it stays.
pub async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: FqdnId) -> Result<(), AppError> {
    ctx.require(Right::ConfigManage)?;
    let fqdn = editable(conn, id).await?;
    fields::unused(store::referrers(conn, id).await?)?;
    fields::deleted(store::delete(conn, id).await, KIND)?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    audit::record(conn, ctx, audit::Entry::change("deleted", KIND, id).diff(shown(&fqdn), Value::Null)).await
}

/// What refers to it, so that it cannot be deleted.
pub async fn users(conn: &mut Conn, ctx: &Ctx<'_>, id: FqdnId) -> Result<Vec<Referrer>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(fields::referrers(store::referrers(conn, id).await?))
}

async fn stored(conn: &mut Conn, id: FqdnId) -> Result<Fqdn, AppError> {
    store::get(conn, id).await?.ok_or(AppError::NotFound(KIND))
}

async fn editable(conn: &mut Conn, id: FqdnId) -> Result<Fqdn, AppError> {
    let fqdn = stored(conn, id).await?;
    if fqdn.built_in { Err(fields::built_in(KIND)) } else { Ok(fqdn) }
}
