//! Scan templates: which targets are scanned on which ports.
use mipo_domain::ids::TemplateId;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use mipo_store::config::scan_templates::{self as store, Fields};
use mipo_store::config::{live, port_lists, subnets};
use mipo_store::lists::{Ask, Found, Named};
use serde_json::{Value, json};
use uuid::Uuid;

pub use mipo_store::config::scan_templates::ScanTemplate;

use crate::error::Referrer;
use crate::fields::{self, Checks};
use crate::history::{self, Change};
use crate::template_summary::{self, Limits, Summary};
use crate::{AppError, Ctx, audit};

const KIND: &str = "scan template";
const NAME_UNIQUE: &str = "scan_templates_name_unique";

/// What a template scans and on which ports, by ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Subnets.
    pub subnets: Vec<Uuid>,
    /// Subnet groups.
    pub subnet_groups: Vec<Uuid>,
    /// Host names.
    pub fqdns: Vec<Uuid>,
    /// Groups of host names.
    pub fqdn_groups: Vec<Uuid>,
    /// Discovery lists.
    pub discovery_lists: Vec<Uuid>,
    /// Port lists.
    pub port_lists: Vec<Uuid>,
    /// Groups of port lists.
    pub port_list_groups: Vec<Uuid>,
}

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
    /// Port lists that it scans them for.
    pub port_lists: Option<Vec<Uuid>>,
}

impl Sources {
    /// What `template` scans.
    pub fn of(template: &ScanTemplate) -> Self {
        let ids = |list: &[Named]| list.iter().map(|named| named.id).collect();
        Self { subnets: ids(&template.subnets), port_lists: ids(&template.port_lists), ..Self::default() }
    }

    /// Refuses kinds of sources that this version cannot scan yet, and ids that name nothing.
    async fn check(&self, conn: &mut Conn, checks: &mut Checks) -> Result<(), AppError> {
        let later = [
            ("subnetGroupIds", &self.subnet_groups, "subnet groups", "subnets"),
            ("fqdnIds", &self.fqdns, "host names", "subnets"),
            ("fqdnGroupIds", &self.fqdn_groups, "groups of host names", "subnets"),
            ("discoveryListIds", &self.discovery_lists, "discovery lists", "subnets"),
            ("portListGroupIds", &self.port_list_groups, "groups of port lists", "port lists"),
        ];
        for (field, ids, kind, instead) in later {
            if !ids.is_empty() {
                let message = format!("This version cannot scan {kind} yet; use {instead}.");
                checks.refuse(field, "not_supported", message);
            }
        }
        let known = subnets::get_many(conn, self.subnets.clone()).await?;
        for (index, id) in self.subnets.iter().enumerate() {
            if !known.iter().any(|subnet| subnet.id.as_uuid() == *id) {
                checks.refuse(format!("subnetIds[{index}]"), "unknown", format!("There is no subnet {id}."));
            }
        }
        let known = port_lists::get_many(conn, self.port_lists.clone()).await?;
        for (index, id) in self.port_lists.iter().enumerate() {
            if !known.iter().any(|list| list.id.as_uuid() == *id) {
                checks.refuse(format!("portListIds[{index}]"), "unknown", format!("There is no port list {id}."));
            }
        }
        Ok(())
    }
}

async fn check(conn: &mut Conn, name: &str, description: &str, sources: &Sources) -> Result<Fields, AppError> {
    let mut checks = Checks::new();
    let name = checks.name("name", name);
    let description = checks.description("description", description);
    sources.check(conn, &mut checks).await?;
    if sources.subnets.is_empty() {
        checks.refuse("subnetIds", "required", "Choose at least one subnet; a template without targets scans nothing.");
    }
    if sources.port_lists.is_empty() {
        checks.refuse("portListIds", "required", "Choose at least one port list.");
    }
    checks.done()?;
    Ok(Fields { name, description, subnets: sources.subnets.clone(), port_lists: sources.port_lists.clone() })
}

fn shown(template: &ScanTemplate) -> Value {
    let names = |list: &[Named]| list.iter().map(|named| named.name.clone()).collect::<Vec<_>>();
    json!({
        "name": template.name,
        "description": template.description,
        "subnets": names(&template.subnets),
        "portLists": names(&template.port_lists),
    })
}

/// Makes a template.
pub async fn create(conn: &mut Conn, ctx: &Ctx<'_>, input: NewTemplate) -> Result<ScanTemplate, AppError> {
    ctx.require(Right::ConfigManage)?;
    let fields = check(conn, &input.name, &input.description, &input.sources).await?;
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
    sources.check(conn, &mut checks).await?;
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
    let mut sources = Sources::of(&before);
    sources.subnets = patch.subnets.unwrap_or(sources.subnets);
    sources.port_lists = patch.port_lists.unwrap_or(sources.port_lists);
    let name = patch.name.as_deref().unwrap_or(&before.name);
    let description = patch.description.as_deref().unwrap_or(&before.description);
    let fields = check(conn, name, description, &sources).await?;
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
