//! Scan templates: which targets are scanned on which ports.
use mipo_domain::ids::TemplateId;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::scan_templates::{self as store, Fields};
use mipo_store::config::{live, template_choices};
use mipo_store::lists::{Ask, Found, Named};
use serde_json::{Value, json};
use uuid::Uuid;

pub use mipo_store::config::scan_templates::{ScanTemplate, Sources};
pub use mipo_store::config::template_choices::{Choice, Kind};

use crate::error::Referrer;
use crate::fields::{self, Checks};
use crate::history::{self, Change};
use crate::template_summary::{self, Limits, Summary};
use crate::{AppError, Ctx, audit};

const KIND: &str = "scan template";
const NAME_UNIQUE: &str = "scan_templates_name_unique";

/// A new template.
#[derive(Clone, Debug, Default)]
pub struct NewTemplate {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it scans.
    pub sources: Sources,
}

/// What is to change of a template; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct TemplatePatch {
    /// The version that is edited.
    pub version: i32,
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Subnets that it scans.
    pub subnets: Option<Vec<Uuid>>,
    /// Groups of subnets.
    pub subnet_groups: Option<Vec<Uuid>>,
    /// Host names.
    pub fqdns: Option<Vec<Uuid>>,
    /// Groups of host names.
    pub fqdn_groups: Option<Vec<Uuid>>,
    /// Discovery lists.
    pub discovery_lists: Option<Vec<Uuid>>,
    /// Port lists that it scans them for.
    pub port_lists: Option<Vec<Uuid>>,
    /// Groups of port lists.
    pub port_list_groups: Option<Vec<Uuid>>,
}

/// Each kind of source: its ids, the field that names them, and what one is called.
fn by_kind(sources: &Sources) -> [(Kind, &Vec<Uuid>, &'static str, &'static str); 7] {
    [
        (Kind::Subnet, &sources.subnets, "subnetIds", "subnet"),
        (Kind::SubnetGroup, &sources.subnet_groups, "subnetGroupIds", "subnet group"),
        (Kind::Fqdn, &sources.fqdns, "fqdnIds", "FQDN"),
        (Kind::FqdnGroup, &sources.fqdn_groups, "fqdnGroupIds", "FQDN group"),
        (Kind::DiscoveryList, &sources.discovery_lists, "discoveryListIds", "discovery list"),
        (Kind::PortList, &sources.port_lists, "portListIds", "port list"),
        (Kind::PortListGroup, &sources.port_list_groups, "portListGroupIds", "port list group"),
    ]
}

/// Refuses ids that name nothing.
async fn check_known(conn: &mut Conn, sources: &Sources, checks: &mut Checks) -> Result<(), AppError> {
    for (kind, ids, field, what) in by_kind(sources) {
        let known = template_choices::get_many(conn, kind, ids.clone()).await?;
        for (index, id) in ids.iter().enumerate() {
            if !known.iter().any(|choice| choice.id == *id) {
                checks.refuse(format!("{field}[{index}]"), "unknown", format!("There is no {what} {id}."));
            }
        }
    }
    Ok(())
}

async fn check(conn: &mut Conn, name: &str, description: &str, sources: Sources) -> Result<Fields, AppError> {
    let mut checks = Checks::new();
    let name = checks.name("name", name);
    let description = checks.description("description", description);
    check_known(conn, &sources, &mut checks).await?;
    if sources.has_no_target() {
        let message = "Choose at least one target: a subnet, a host name, a discovery list or a group of them.";
        checks.refuse("subnetIds", "required", message);
    }
    if sources.has_no_ports() {
        checks.refuse("portListIds", "required", "Choose at least one port list or group of port lists.");
    }
    checks.done()?;
    Ok(Fields { name, description, sources })
}

fn shown(template: &ScanTemplate) -> Value {
    let names = |list: &[Named]| list.iter().map(|named| named.name.clone()).collect::<Vec<_>>();
    json!({
        "name": template.name,
        "description": template.description,
        "subnets": names(&template.subnets),
        "subnetGroups": names(&template.subnet_groups),
        "fqdns": names(&template.fqdns),
        "fqdnGroups": names(&template.fqdn_groups),
        "discoveryLists": names(&template.discovery_lists),
        "portLists": names(&template.port_lists),
        "portListGroups": names(&template.port_list_groups),
    })
}

/// What a template can be made of: the first `limit` of a kind by name and those of `chosen`, and how many there are
/// besides.
pub async fn choices(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    kind: Kind,
    chosen: &[Uuid],
    limit: i64,
) -> Result<(Vec<Choice>, i64), AppError> {
    ctx.require(Right::ConfigView)?;
    let Found { mut items, total, .. } = template_choices::first(conn, kind, limit).await?;
    let missing = chosen.iter().filter(|id| !items.iter().any(|choice| choice.id == **id)).copied().collect();
    items.extend(template_choices::get_many(conn, kind, missing).await?);
    let more = (total - items.len() as i64).max(0);
    Ok((items, more))
}

/// Makes a template.
pub async fn create(conn: &mut Conn, ctx: &Ctx<'_>, input: NewTemplate) -> Result<ScanTemplate, AppError> {
    ctx.require(Right::ConfigManage)?;
    let fields = check(conn, &input.name, &input.description, input.sources).await?;
    let id = TemplateId::mint(ctx.clock, ctx.entropy);
    store::insert(conn, id, &fields, ctx.caller.actor.name())
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let template = stored(conn, id).await?;
    audit::record(conn, ctx, audit::Entry::change("created", KIND, id).diff(Value::Null, shown(&template))).await?;
    Ok(template)
}

/// A page of templates, without ad-hoc ones.
pub async fn list(conn: &mut Conn, ctx: &Ctx<'_>, ask: &Ask) -> Result<Found<ScanTemplate>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(store::list(conn, ask).await?)
}

/// One template.
pub async fn get(conn: &mut Conn, ctx: &Ctx<'_>, id: TemplateId) -> Result<ScanTemplate, AppError> {
    ctx.require(Right::ConfigView)?;
    stored(conn, id).await
}

/// The values of a column to filter by.
pub async fn filter_values(conn: &mut Conn, ctx: &Ctx<'_>, column: &str) -> Result<Vec<String>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(store::values(conn, column).await?)
}

/// What was changed on a template.
pub async fn history(conn: &mut Conn, ctx: &Ctx<'_>, id: TemplateId) -> Result<Vec<Change>, AppError> {
    ctx.require(Right::ConfigView)?;
    history::of(conn, KIND, id).await
}

/// What a scan of `sources` would do: addresses, ports, probes, scanners, warnings. Incomplete sources are fine, for
/// forms that are being filled in.
pub async fn summary(conn: &mut Conn, ctx: &Ctx<'_>, sources: &Sources, limits: Limits) -> Result<Summary, AppError> {
    ctx.require(Right::ConfigView)?;
    let mut checks = Checks::new();
    check_known(conn, sources, &mut checks).await?;
    checks.done()?;
    template_summary::of(conn, sources, ctx.now(), limits).await
}

/// The summaries of several templates, in their order.
pub async fn summaries(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    templates: &[ScanTemplate],
    limits: Limits,
) -> Result<Vec<Summary>, AppError> {
    ctx.require(Right::ConfigView)?;
    let sources: Vec<Sources> = templates.iter().map(Sources::of).collect();
    template_summary::of_many(conn, &sources, ctx.now(), limits).await
}

/// Changes a template. Scans that run keep their scope.
pub async fn update(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    id: TemplateId,
    patch: TemplatePatch,
) -> Result<ScanTemplate, AppError> {
    ctx.require(Right::ConfigManage)?;
    let before = editable(conn, id).await?;
    fields::fresh(before.version, patch.version)?;
    let stored_sources = Sources::of(&before);
    let sources = Sources {
        subnets: patch.subnets.unwrap_or(stored_sources.subnets),
        subnet_groups: patch.subnet_groups.unwrap_or(stored_sources.subnet_groups),
        fqdns: patch.fqdns.unwrap_or(stored_sources.fqdns),
        fqdn_groups: patch.fqdn_groups.unwrap_or(stored_sources.fqdn_groups),
        discovery_lists: patch.discovery_lists.unwrap_or(stored_sources.discovery_lists),
        port_lists: patch.port_lists.unwrap_or(stored_sources.port_lists),
        port_list_groups: patch.port_list_groups.unwrap_or(stored_sources.port_list_groups),
    };
    let name = patch.name.as_deref().unwrap_or(&before.name);
    let description = patch.description.as_deref().unwrap_or(&before.description);
    let fields = check(conn, name, description, sources).await?;
    let done = store::update(conn, id, patch.version, &fields)
        .await
        .map_err(|error| fields::name_taken(error, NAME_UNIQUE, KIND, &fields.name))?;
    if !done {
        return Err(AppError::Stale);
    }
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    let after = stored(conn, id).await?;
    audit::record(conn, ctx, audit::Entry::change("updated", KIND, id).diff(shown(&before), shown(&after))).await?;
    Ok(after)
}

/// Makes a copy called `name`.
pub async fn duplicate(conn: &mut Conn, ctx: &Ctx<'_>, id: TemplateId, name: &str) -> Result<ScanTemplate, AppError> {
    ctx.require(Right::ConfigManage)?;
    let from = editable_or_built_in(conn, id).await?;
    let sources = Sources::of(&from);
    create(conn, ctx, NewTemplate { name: name.to_owned(), description: from.description, sources }).await
}

/// Deletes a template that nothing refers to. Its scans stay.
pub async fn delete(conn: &mut Conn, ctx: &Ctx<'_>, id: TemplateId) -> Result<(), AppError> {
    ctx.require(Right::ConfigManage)?;
    let template = editable(conn, id).await?;
    fields::unused(store::referrers(conn, id).await?)?;
    fields::deleted(store::delete(conn, id).await, KIND)?;
    live::emit(conn, live::topics::CONFIG, &id.to_string()).await?;
    audit::record(conn, ctx, audit::Entry::change("deleted", KIND, id).diff(shown(&template), Value::Null)).await
}

/// What refers to it, so that it cannot be deleted.
pub async fn users(conn: &mut Conn, ctx: &Ctx<'_>, id: TemplateId) -> Result<Vec<Referrer>, AppError> {
    ctx.require(Right::ConfigView)?;
    Ok(fields::referrers(store::referrers(conn, id).await?))
}

async fn stored(conn: &mut Conn, id: TemplateId) -> Result<ScanTemplate, AppError> {
    store::get(conn, id).await?.ok_or(AppError::NotFound(KIND))
}

/// An ad-hoc template belongs to its scan: it is neither edited nor copied.
async fn editable_or_built_in(conn: &mut Conn, id: TemplateId) -> Result<ScanTemplate, AppError> {
    let template = stored(conn, id).await?;
    if template.adhoc { Err(AppError::NotFound(KIND)) } else { Ok(template) }
}

async fn editable(conn: &mut Conn, id: TemplateId) -> Result<ScanTemplate, AppError> {
    let template = editable_or_built_in(conn, id).await?;
    if template.built_in { Err(fields::built_in(KIND)) } else { Ok(template) }
}
