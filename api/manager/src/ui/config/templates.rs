//! `/config/scan-templates`: which targets are scanned on which ports, with the summary of what that means.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::port_lists;
use mipo_app::scans::{self, StartScan, What};
use mipo_app::subnets::{self, Subnet};
use mipo_app::template_summary::Summary;
use mipo_app::templates::{self, Choice, Kind, NewTemplate, ScanTemplate, Sources, TemplatePatch};
use mipo_app::{AppError, Ask, Ctx, FieldError, Found};
use mipo_domain::ids::TemplateId;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use uuid::Uuid;

use super::changes::{self, Shown};
use super::cloning::{self, Model};
use super::deletion::{self, Doomed};
use super::port_lists::Row as PortRow;
use super::{Shared, addresses, ids, refused, version};
use crate::http::{Id, Posted};
use crate::lists::{Columns, YES_NO, encode};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::inline::{self, Sent};
use crate::ui::tables::{Col, Listing, RowMenu};
use crate::ui::{self, Page, Region, last_page, show};

const LIST: &str = "/config/scan-templates";
const TITLE: &str = "Scan templates";
/// Sources offered on the form; what is chosen is always among them.
const OFFERED: i64 = 200;

/// What the list can be asked.
pub const COLUMNS: Columns = Columns {
    sort: &["name", "description", "builtIn", "createdBy", "created"],
    filters: &["builtIn", "createdBy"],
    default_sort: "name",
    words: &[("builtIn", YES_NO)],
};

/// The columns of its table.
const COLS: &[Col] = &[
    Col::lead("name", "Name"),
    Col::fill("description", "Description"),
    Col::num("ips", "IPs"),
    Col::num("ports", "Ports"),
    Col::num("probes", "Probes"),
    Col::text("scanners", "Scanners"),
    Col::text("createdBy", "Created by"),
    Col::text("builtIn", "Built in").extra(),
    Col::text("created", "Created").extra(),
];

fn path(id: TemplateId) -> String {
    format!("{LIST}/{id}")
}

struct Row {
    template: ScanTemplate,
    summary: Summary,
}

impl Row {
    fn can_run(&self, page: &Page) -> bool {
        page.shell.may(Right::ScansExecute) && self.summary.blocked().is_none()
    }

    fn menu(&self, list: &Listing, page: &Page) -> RowMenu {
        let ScanTemplate { id, name, built_in, .. } = &self.template;
        let (path, may) = (path(*id), page.shell.may(Right::ConfigManage));
        let history = format!("/scans/history?template={}", encode(name));
        let row = format!("template-{id}");
        RowMenu::new(page, &row, name)
            .quick_if(self.can_run(page), "/scans/run", &[("templateId", &id.to_string())], "Run")
            .link(&path, "Open")
            .edit_if(may && !built_in, list.edit(id, &row))
            .link_if(page.shell.may(Right::ScansView), history, "Its scans")
            .link_if(may, format!("{path}/clone"), "Clone")
            .harm_if(may && !built_in, format!("{path}/delete"), "Delete…")
    }
}

#[derive(Template)]
#[template(path = "config/scan-templates.html", blocks = ["rows"])]
struct List {
    page: Page,
    list: Listing,
    rows: Vec<Row>,
    total: i64,
    total_is_estimate: bool,
    makers: Vec<String>,
    has_subnets: bool,
}

pub(super) async fn list(
    page: Page,
    signed: SignedIn,
    region: Region,
    RawQuery(raw): RawQuery,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    draw_list(page, &signed, &app, region, raw.as_deref(), None).await
}

/// The list; `typed` is the row that was edited in its place and refused.
async fn draw_list(
    page: Page,
    signed: &SignedIn,
    app: &App,
    region: Region,
    raw: Option<&str>,
    typed: Option<(String, Form)>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let status = if typed.is_some() { inline::REFUSED } else { StatusCode::OK };
    let list =
        Listing::read(LIST, raw, &COLUMNS).showing(COLS).editing(ctx.caller.may(Right::ConfigManage), raw, typed);
    let mut tx = app.db.read("scan_templates.list").await?;
    let Found { items, total, total_is_estimate } = templates::list(&mut tx, &ctx, &list.query.ask()).await?;
    if let Some(response) = last_page::instead(&list, items.len(), total) {
        return Ok(response);
    }
    let summaries = templates::summaries(&mut tx, &ctx, &items, app.scan_limits).await?;
    let makers = templates::filter_values(&mut tx, &ctx, "createdBy").await?;
    let has_subnets = total > 0 || subnets::list(&mut tx, &ctx, &Ask::first(1, "name")).await?.total > 0;
    let rows = items.into_iter().zip(summaries).map(|(template, summary)| Row { template, summary }).collect();
    let view = List { page: page.at(LIST, TITLE), list, rows, total, total_is_estimate, makers, has_subnets };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render_with(status, &view, &view.page),
    })
}

/// Stores what was typed into the row of the list.
pub(super) async fn inline(
    page: Page,
    signed: SignedIn,
    Id(id): Id<TemplateId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let sent = Sent::of(form);
    let patch = TemplatePatch {
        version: sent.version,
        name: sent.text("name"),
        description: sent.text("description"),
        ..TemplatePatch::default()
    };
    let raw = sent.raw();
    let mut tx = app.db.tx("scan_templates.update").await?;
    let done = templates::update(&mut tx, &app.ctx(&signed.caller), id, patch).await;
    match sent.judge(done)? {
        Ok(template) => {
            tx.commit().await?;
            Ok(inline::saved(LIST, raw.as_deref(), &template.name))
        }
        Err(form) => {
            drop(tx);
            let typed = Some((id.to_string(), form));
            draw_list(page, &signed, &app, Region::default(), raw.as_deref(), typed).await
        }
    }
}

/// The kinds of sources that are chosen by name alone. Subnets and port lists have tables of their own.
const KINDS: &[(Kind, &str, &str, &str)] = &[
    (Kind::SubnetGroup, "subnetGroupIds", "Subnet group", "Subnets"),
    (Kind::Fqdn, "fqdnIds", "FQDN", "Host name"),
    (Kind::FqdnGroup, "fqdnGroupIds", "FQDN group", "FQDNs"),
    (Kind::DiscoveryList, "discoveryListIds", "Discovery list", "Holds"),
    (Kind::PortListGroup, "portListGroupIds", "Port list group", "Port lists"),
];

/// The choices of one kind; none is drawn for a kind that has none.
struct Picker {
    field: &'static str,
    /// What one is called, for the head of the column.
    what: &'static str,
    /// The head of the column that says what it holds.
    holds: &'static str,
    choices: Vec<Choice>,
    more: i64,
}

impl Picker {
    fn is_ports(&self) -> bool {
        self.field == "portListGroupIds"
    }
}

#[derive(Template)]
#[template(path = "config/scan-template.html", blocks = ["summary"])]
struct One {
    page: Page,
    form: Form,
    /// Missing on the page that makes a new one.
    template: Option<ScanTemplate>,
    subnets: Vec<Subnet>,
    ports: Vec<PortRow>,
    more_subnets: i64,
    more_ports: i64,
    pickers: Vec<Picker>,
    summary: Summary,
    limit: u128,
    changes: Vec<Shown>,
}

impl One {
    fn can_edit(&self) -> bool {
        self.page.shell.may(Right::ConfigManage) && self.template.as_ref().is_none_or(|template| !template.built_in)
    }

    fn can_run(&self) -> bool {
        self.page.shell.may(Right::ScansExecute)
    }

    fn ips(&self, subnet: &Subnet) -> String {
        addresses(subnets::ip_count(subnet.cidr))
    }

    fn uses_subnet(&self, subnet: &Subnet) -> bool {
        self.form.ticked("subnetIds", &subnet.id.to_string())
    }

    fn uses_ports(&self, row: &PortRow) -> bool {
        self.form.ticked("portListIds", &row.list.id.to_string())
    }

    fn uses(&self, picker: &Picker, choice: &Choice) -> bool {
        self.form.ticked(picker.field, &choice.id.to_string())
    }

    /// There is nothing that could be a target.
    fn has_no_targets(&self) -> bool {
        self.subnets.is_empty() && self.pickers.iter().all(|picker| picker.is_ports() || picker.choices.is_empty())
    }

    /// Something is chosen, so that the summary says something.
    fn is_begun(&self) -> bool {
        let chosen = sources(&self.form, &mut Vec::new());
        !chosen.has_no_target() || !chosen.has_no_ports()
    }

    fn unresolved(&self) -> String {
        show::count(self.summary.unresolved, "host name", "host names")
    }

    fn of_limit(&self) -> String {
        show::percent(
            i64::try_from(self.summary.probes).unwrap_or(i64::MAX),
            i64::try_from(self.limit).unwrap_or(i64::MAX),
        )
    }

    fn limit_words(&self) -> String {
        addresses(self.limit)
    }

    fn probes(&self) -> String {
        if self.summary.probes < 1_000_000_000_000 {
            show::short_number(self.summary.probes as i64)
        } else {
            addresses(self.summary.probes)
        }
    }
}

fn sources(form: &Form, errors: &mut Vec<FieldError>) -> Sources {
    Sources {
        subnets: ids::<Uuid>(form, "subnetIds", errors),
        subnet_groups: ids::<Uuid>(form, "subnetGroupIds", errors),
        fqdns: ids::<Uuid>(form, "fqdnIds", errors),
        fqdn_groups: ids::<Uuid>(form, "fqdnGroupIds", errors),
        discovery_lists: ids::<Uuid>(form, "discoveryListIds", errors),
        port_lists: ids::<Uuid>(form, "portListIds", errors),
        port_list_groups: ids::<Uuid>(form, "portListGroupIds", errors),
    }
}

async fn pickers(conn: &mut Conn, ctx: &Ctx<'_>, chosen: &Sources) -> Result<Vec<Picker>, AppError> {
    let mut pickers = Vec::with_capacity(KINDS.len());
    for &(kind, field, what, holds) in KINDS {
        let ids = match kind {
            Kind::SubnetGroup => &chosen.subnet_groups,
            Kind::Fqdn => &chosen.fqdns,
            Kind::FqdnGroup => &chosen.fqdn_groups,
            Kind::DiscoveryList => &chosen.discovery_lists,
            Kind::PortListGroup => &chosen.port_list_groups,
            Kind::Subnet | Kind::PortList => continue,
        };
        let (choices, more) = templates::choices(conn, ctx, kind, ids, OFFERED).await?;
        pickers.push(Picker { field, what, holds, choices, more });
    }
    Ok(pickers)
}

/// What can be chosen: the first by name, and whatever is chosen already.
async fn offered(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    chosen: &Sources,
) -> Result<(Vec<Subnet>, i64, Vec<PortRow>, i64), AppError> {
    let Found { items: mut subnets_offered, total: subnets_total, .. } =
        subnets::list(conn, ctx, &Ask::first(OFFERED, "name")).await?;
    for id in &chosen.subnets {
        if !subnets_offered.iter().any(|subnet| subnet.id.as_uuid() == *id)
            && let Ok(subnet) = subnets::get(conn, ctx, (*id).into()).await
        {
            subnets_offered.push(subnet);
        }
    }
    let Found { items: mut lists, total: lists_total, .. } =
        port_lists::list(conn, ctx, &Ask::first(OFFERED, "name")).await?;
    for id in &chosen.port_lists {
        if !lists.iter().any(|list| list.id.as_uuid() == *id)
            && let Ok(list) = port_lists::get(conn, ctx, (*id).into()).await
        {
            lists.push(list);
        }
    }
    let more = (subnets_total - subnets_offered.len() as i64, lists_total - lists.len() as i64);
    let rows = lists.into_iter().map(PortRow::of).collect::<Result<_, _>>()?;
    Ok((subnets_offered, more.0.max(0), rows, more.1.max(0)))
}

/// The page of a new template (`id` is none) or of one that is there, with what was typed.
async fn view(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: Option<TemplateId>,
    typed: Option<Form>,
) -> Result<One, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scan_templates.page").await?;
    let (template, changes) = match id {
        Some(id) => {
            let template = templates::get(&mut tx, &ctx, id).await?;
            if template.adhoc {
                return Err(AppError::NotFound("scan template").into());
            }
            let changes = changes::shown(templates::history(&mut tx, &ctx, id).await?);
            (Some(template), changes)
        }
        None => (None, Vec::new()),
    };
    let form = typed.unwrap_or_else(|| template.as_ref().map_or_else(Form::new, form_of));
    let chosen = sources(&form, &mut Vec::new());
    let (subnets, more_subnets, ports, more_ports) = offered(&mut tx, &ctx, &chosen).await?;
    let pickers = pickers(&mut tx, &ctx, &chosen).await?;
    // Something chosen that is gone by now is refused when the form is sent, not while it is drawn.
    let summary = match templates::summary(&mut tx, &ctx, &chosen, app.scan_limits).await {
        Ok(summary) => summary,
        Err(AppError::Invalid(_)) => Summary::default(),
        Err(error) => return Err(error.into()),
    };
    let page = page
        .at(LIST, template.as_ref().map_or_else(|| "Add a scan template".to_owned(), |t| t.name.clone()))
        .under(TITLE, LIST);
    let limit = app.scan_limits.probes;
    Ok(One { page, form, template, subnets, ports, more_subnets, more_ports, pickers, summary, limit, changes })
}

fn form_of(template: &ScanTemplate) -> Form {
    let mut form = Form::new().with("name", template.name.clone()).with("description", template.description.clone());
    let sources = Sources::of(template);
    let fields = [
        ("subnetIds", sources.subnets),
        ("subnetGroupIds", sources.subnet_groups),
        ("fqdnIds", sources.fqdns),
        ("fqdnGroupIds", sources.fqdn_groups),
        ("discoveryListIds", sources.discovery_lists),
        ("portListIds", sources.port_lists),
        ("portListGroupIds", sources.port_list_groups),
    ];
    for (field, ids) in fields {
        for id in ids {
            form = form.with(field, id.to_string());
        }
    }
    form
}

pub(super) async fn new_page(page: Page, signed: SignedIn, State(app): Shared) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::ConfigManage)?;
    let view = view(page, &signed, &app, None, None).await?;
    Ok(ui::render(&view, &view.page))
}

pub(super) async fn create(
    page: Page,
    signed: SignedIn,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut errors = Vec::new();
    let input = NewTemplate {
        name: form.value("name").to_owned(),
        description: form.value("description").to_owned(),
        sources: sources(&form, &mut errors),
    };
    let mut tx = app.db.tx("scan_templates.create").await?;
    let done = match templates::create(&mut tx, &ctx, input).await {
        Ok(template) if errors.is_empty() => saved(&mut tx, &ctx, &form, template, "added").await,
        Ok(_) => Err(AppError::Invalid(Vec::new())),
        Err(error) => Err(error),
    };
    match done {
        Ok(response) => {
            tx.commit().await?;
            Ok(response)
        }
        Err(error) => {
            errors.extend(refused(error)?);
            drop(tx);
            let view = view(page, &signed, &app, None, Some(form.refuse(errors))).await?;
            Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
        }
    }
}

/// Starts it too, when that was asked for.
async fn saved(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    form: &Form,
    template: ScanTemplate,
    word: &str,
) -> Result<Response, AppError> {
    if form.value("then") == "run" {
        let input = StartScan { what: What::Template(template.id), reason: String::new() };
        let scan = scans::start(conn, ctx, input).await?;
        let text = format!("Scan template {} is {word}; scan #{scan} is asked for.", template.name);
        return Ok(flash::redirect(&format!("/scans/{scan}"), Tone::Good, &text));
    }
    let text = format!("Scan template {} is {word}.", template.name);
    Ok(flash::redirect(&path(template.id), Tone::Good, &text))
}

/// The summary beside the form, while somebody chooses.
pub(super) async fn summary(
    page: Page,
    signed: SignedIn,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let view = view(page, &signed, &app, None, Some(form)).await?;
    Ok(ui::render(&view.as_summary(), &view.page))
}

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<TemplateId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let view = view(page, &signed, &app, Some(id), None).await?;
    Ok(ui::render(&view, &view.page))
}

pub(super) async fn save(
    page: Page,
    signed: SignedIn,
    Id(id): Id<TemplateId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut errors = Vec::new();
    let chosen = sources(&form, &mut errors);
    let patch = TemplatePatch {
        version: version(&form),
        name: Some(form.value("name").to_owned()),
        description: Some(form.value("description").to_owned()),
        subnets: Some(chosen.subnets),
        subnet_groups: Some(chosen.subnet_groups),
        fqdns: Some(chosen.fqdns),
        fqdn_groups: Some(chosen.fqdn_groups),
        discovery_lists: Some(chosen.discovery_lists),
        port_lists: Some(chosen.port_lists),
        port_list_groups: Some(chosen.port_list_groups),
    };
    let mut tx = app.db.tx("scan_templates.update").await?;
    let done = match templates::update(&mut tx, &ctx, id, patch).await {
        Ok(template) if errors.is_empty() => saved(&mut tx, &ctx, &form, template, "saved").await,
        Ok(_) => Err(AppError::Invalid(Vec::new())),
        Err(error) => Err(error),
    };
    match done {
        Ok(response) => {
            tx.commit().await?;
            Ok(response)
        }
        Err(error) => {
            errors.extend(refused(error)?);
            drop(tx);
            let view = view(page, &signed, &app, Some(id), Some(form.refuse(errors))).await?;
            Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
        }
    }
}

async fn model(app: &crate::state::App, signed: &SignedIn, id: TemplateId) -> Result<Model, ui::Error> {
    let mut tx = app.db.read("scan_templates.clone_page").await?;
    let it = templates::get(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Model {
        kind: "scan template",
        name: it.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        takes: "The copy has the same targets and ports.",
    })
}

pub(super) async fn clone_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<TemplateId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    Ok(cloning::ask(page, model(&app, &signed, id).await?))
}

pub(super) async fn duplicate(
    page: Page,
    signed: SignedIn,
    Id(id): Id<TemplateId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let model = model(&app, &signed, id).await?;
    let mut tx = app.db.tx("scan_templates.clone").await?;
    let done = match templates::duplicate(&mut tx, &app.ctx(&signed.caller), id, form.value("name")).await {
        Ok(copy) => {
            tx.commit().await?;
            Ok((copy.name, path(copy.id)))
        }
        Err(error) => Err(error),
    };
    cloning::answer(page, model, form, done)
}

async fn doomed(app: &crate::state::App, signed: &SignedIn, id: TemplateId) -> Result<Doomed, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scan_templates.delete_page").await?;
    let it = templates::get(&mut tx, &ctx, id).await?;
    Ok(Doomed {
        kind: "scan template",
        name: it.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        consequence: "It cannot be run any more. Its scans and their results stay.",
        built_in: it.built_in,
        users: templates::users(&mut tx, &ctx, id).await?,
    })
}

pub(super) async fn delete_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<TemplateId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::ConfigManage)?;
    Ok(deletion::ask(page, doomed(&app, &signed, id).await?))
}

pub(super) async fn delete(
    page: Page,
    signed: SignedIn,
    Id(id): Id<TemplateId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let doomed = doomed(&app, &signed, id).await?;
    let mut tx = app.db.tx("scan_templates.delete").await?;
    let done = match deletion::confirmed(&form, &doomed) {
        Ok(()) => templates::delete(&mut tx, &app.ctx(&signed.caller), id).await,
        Err(error) => Err(error),
    };
    if done.is_ok() {
        tx.commit().await?;
    }
    deletion::answer(page, doomed, form, done)
}
