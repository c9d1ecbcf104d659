//! `/config/fqdns`: host names that are resolved when a scan is planned, and who scans them.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use ipnet::IpNet;
use mipo_app::Found;
use mipo_app::error::Referrer;
use mipo_app::fqdns::{self, AssignmentPatch, Fqdn, FqdnPatch, NewFqdn};
use mipo_domain::ids::FqdnId;
use mipo_domain::rights::Right;

use super::assigning::{self, Offers};
use super::changes::{self, Shown};
use super::cloning::{self, Model};
use super::deletion::{self, Doomed};
use super::{Shared, number, refused, version};
use crate::http::{Id, Posted};
use crate::lists::{Columns, YES_NO};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::inline::{self, Sent};
use crate::ui::tables::{Col, Listing, RowMenu};
use crate::ui::{self, Page, Region, last_page, show};

const LIST: &str = "/config/fqdns";
const TITLE: &str = "FQDNs";

/// What the list can be asked.
pub const COLUMNS: Columns = Columns {
    sort: &["name", "hostname", "description", "lastResolved", "rateLimit", "created"],
    filters: &["resolved", "assigned", "builtIn"],
    default_sort: "name",
    words: &[("resolved", &["yes", "nothing", "never"]), ("assigned", &["yes", "no"]), ("builtIn", YES_NO)],
};

/// The columns of its table.
const COLS: &[Col] = &[
    Col::lead("name", "Name"),
    Col::text("hostname", "Hostname"),
    Col::text("lastResolved", "Last resolved"),
    Col::num("ips", "IPs"),
    Col::fill("description", "Description"),
    Col::num("rateLimit", "Rate limit"),
    Col::text("scanners", "Scanners"),
    Col::text("builtIn", "Built in").extra(),
    Col::text("created", "Created").extra(),
];

fn path(id: FqdnId) -> String {
    format!("{LIST}/{id}")
}

#[derive(Template)]
#[template(path = "config/fqdns.html", blocks = ["rows"])]
struct List {
    page: Page,
    list: Listing,
    found: Found<Fqdn>,
}

impl List {
    fn menu(&self, fqdn: &Fqdn) -> RowMenu {
        let (path, may) = (path(fqdn.id), self.page.shell.may(Right::ConfigManage));
        let row = format!("fqdn-{}", fqdn.id);
        RowMenu::new(&self.page, &row, &fqdn.name)
            .link(&path, "Open")
            .edit_if(may && !fqdn.built_in, self.list.edit(fqdn.id, &row))
            .post_if(may, format!("{path}/resolve"), "Resolve now")
            .link_if(may, format!("{path}/clone"), "Clone")
            .harm_if(may && !fqdn.built_in, format!("{path}/delete"), "Delete…")
    }
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
    let mut tx = app.db.read("fqdns.list").await?;
    let found = fqdns::list(&mut tx, &ctx, &list.query.ask()).await?;
    if let Some(response) = last_page::instead(&list, found.items.len(), found.total) {
        return Ok(response);
    }
    let view = List { page: page.at(LIST, TITLE), list, found };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render_with(status, &view, &view.page),
    })
}

/// Stores what was typed into the row of the list.
pub(super) async fn inline(
    page: Page,
    signed: SignedIn,
    Id(id): Id<FqdnId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let sent = Sent::of(form);
    let patch = FqdnPatch { version: sent.version, name: sent.text("name"), ..FqdnPatch::default() };
    let raw = sent.raw();
    let mut tx = app.db.tx("fqdns.update").await?;
    let done = fqdns::update(&mut tx, &app.ctx(&signed.caller), id, patch).await;
    match sent.judge(done)? {
        Ok(fqdn) => {
            tx.commit().await?;
            Ok(inline::saved(LIST, raw.as_deref(), &fqdn.name))
        }
        Err(form) => {
            drop(tx);
            let typed = Some((id.to_string(), form));
            draw_list(page, &signed, &app, Region::default(), raw.as_deref(), typed).await
        }
    }
}

#[derive(Template)]
#[template(path = "config/fqdn.html")]
struct One {
    page: Page,
    form: Form,
    /// Missing on the page that makes a new one.
    fqdn: Option<Fqdn>,
    offers: Offers,
    users: Vec<Referrer>,
    changes: Vec<Shown>,
}

impl One {
    fn can_edit(&self) -> bool {
        self.page.shell.may(Right::ConfigManage) && self.fqdn.as_ref().is_none_or(|fqdn| !fqdn.built_in)
    }

    fn allowed(&self, fqdn: &Fqdn) -> String {
        listed(&fqdn.allowed_cidrs)
    }
}

pub(super) async fn new_page(page: Page, signed: SignedIn, State(app): Shared) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::ConfigManage)?;
    let mut tx = app.db.read("fqdns.new").await?;
    let offers = assigning::offers(&mut tx, &ctx).await?;
    let form = offers.start(Form::new());
    let page = page.at(LIST, "Add an FQDN").under(TITLE, LIST);
    let view = One { page, form, fqdn: None, offers, users: Vec::new(), changes: Vec::new() };
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
    let input = NewFqdn {
        name: form.value("name").to_owned(),
        hostname: form.value("hostname").to_owned(),
        description: form.value("description").to_owned(),
        allowed_cidrs: words(form.value("allowedCidrs")),
        rate_limit: number(&form, "rateLimit", &mut errors),
        assignment: assigning::chosen(&form, &mut errors),
    };
    let mut tx = app.db.tx("fqdns.create").await?;
    match fqdns::create(&mut tx, &ctx, input).await {
        Ok(fqdn) if errors.is_empty() => {
            tx.commit().await?;
            let text = format!("FQDN {} is added. Resolve it to see its addresses.", fqdn.name);
            return Ok(flash::redirect(&path(fqdn.id), Tone::Good, &text));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    drop(tx);
    let mut tx = app.db.read("fqdns.new").await?;
    let offers = assigning::offers(&mut tx, &ctx).await?;
    let page = page.at(LIST, "Add an FQDN").under(TITLE, LIST);
    let view = One { page, form: form.refuse(errors), fqdn: None, offers, users: Vec::new(), changes: Vec::new() };
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}

/// Networks that were typed, separated by commas or white space.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| c == ',' || c == ';' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The same as they are typed.
fn listed(networks: &[IpNet]) -> String {
    networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn form_of(fqdn: &Fqdn) -> Form {
    let mut form = Form::new()
        .with("name", fqdn.name.clone())
        .with("hostname", fqdn.hostname.clone())
        .with("allowedCidrs", listed(&fqdn.allowed_cidrs))
        .with("description", fqdn.description.clone());
    if fqdn.rate_limit > 0 {
        form = form.with("rateLimit", fqdn.rate_limit.to_string());
    }
    assigning::fill(form, &fqdn.scanners, &fqdn.scanner_groups)
}

async fn draw(
    page: Page,
    signed: &SignedIn,
    app: &crate::state::App,
    id: FqdnId,
    typed: Option<Form>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("fqdns.page").await?;
    let fqdn = fqdns::get(&mut tx, &ctx, id).await?;
    let offers = assigning::offers(&mut tx, &ctx).await?;
    let users = fqdns::users(&mut tx, &ctx, id).await?;
    let changes = changes::shown(fqdns::history(&mut tx, &ctx, id).await?);
    let status = if typed.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let form = typed.unwrap_or_else(|| form_of(&fqdn));
    let page = page.at(LIST, fqdn.name.clone()).under(TITLE, LIST);
    let view = One { page, form, fqdn: Some(fqdn), offers, users, changes };
    Ok(ui::render_with(status, &view, &view.page))
}

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<FqdnId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    draw(page, &signed, &app, id, None).await
}

pub(super) async fn save(
    page: Page,
    signed: SignedIn,
    Id(id): Id<FqdnId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut errors = Vec::new();
    let assignment = assigning::chosen(&form, &mut errors);
    let patch = FqdnPatch {
        version: version(&form),
        name: Some(form.value("name").to_owned()),
        hostname: Some(form.value("hostname").to_owned()),
        description: Some(form.value("description").to_owned()),
        allowed_cidrs: Some(words(form.value("allowedCidrs"))),
        rate_limit: Some(number(&form, "rateLimit", &mut errors)),
        assignment: AssignmentPatch { scanners: Some(assignment.scanners), groups: Some(assignment.groups) },
    };
    let mut tx = app.db.tx("fqdns.update").await?;
    match fqdns::update(&mut tx, &app.ctx(&signed.caller), id, patch).await {
        Ok(fqdn) if errors.is_empty() => {
            tx.commit().await?;
            return Ok(flash::redirect(&path(id), Tone::Good, &format!("FQDN {} is saved.", fqdn.name)));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    drop(tx);
    draw(page, &signed, &app, id, Some(form.refuse(errors))).await
}

pub(super) async fn resolve(signed: SignedIn, Id(id): Id<FqdnId>, State(app): Shared) -> Result<Response, ui::Error> {
    let done = crate::api::fqdns::resolve::now(&app, &signed, id).await?;
    let warnings: Vec<&str> = done.warnings.iter().map(|warning| warning.message.as_str()).collect();
    let tone = if warnings.is_empty() { Tone::Good } else { Tone::Warn };
    let mut text = match done.warnings.iter().find(|warning| warning.code == "unresolved") {
        Some(_) => String::new(),
        None => {
            let n = done.fqdn.last_resolved.len() as i64;
            format!("{} resolves to {}.", done.fqdn.name, show::count(n, "address", "addresses"))
        }
    };
    text.push(' ');
    text.push_str(&warnings.join(" "));
    Ok(flash::redirect(&path(id), tone, text.trim()))
}

async fn model(app: &crate::state::App, signed: &SignedIn, id: FqdnId) -> Result<Model, ui::Error> {
    let mut tx = app.db.read("fqdns.clone_page").await?;
    let fqdn = fqdns::get(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Model {
        kind: "FQDN",
        name: fqdn.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        takes: "The copy has the same host name, networks, rate limit and scanners. No template uses it yet.",
    })
}

pub(super) async fn clone_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<FqdnId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    Ok(cloning::ask(page, model(&app, &signed, id).await?))
}

pub(super) async fn duplicate(
    page: Page,
    signed: SignedIn,
    Id(id): Id<FqdnId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let model = model(&app, &signed, id).await?;
    let mut tx = app.db.tx("fqdns.clone").await?;
    let done = match fqdns::duplicate(&mut tx, &app.ctx(&signed.caller), id, form.value("name")).await {
        Ok(copy) => {
            tx.commit().await?;
            Ok((copy.name, path(copy.id)))
        }
        Err(error) => Err(error),
    };
    cloning::answer(page, model, form, done)
}

async fn doomed(app: &crate::state::App, signed: &SignedIn, id: FqdnId) -> Result<Doomed, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("fqdns.delete_page").await?;
    let fqdn = fqdns::get(&mut tx, &ctx, id).await?;
    Ok(Doomed {
        kind: "FQDN",
        name: fqdn.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        consequence: "The host name is no target any more. What was found on its addresses stays, with its history.",
        built_in: fqdn.built_in,
        users: fqdns::users(&mut tx, &ctx, id).await?,
    })
}

pub(super) async fn delete_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<FqdnId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::ConfigManage)?;
    Ok(deletion::ask(page, doomed(&app, &signed, id).await?))
}

pub(super) async fn delete(
    page: Page,
    signed: SignedIn,
    Id(id): Id<FqdnId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let doomed = doomed(&app, &signed, id).await?;
    let mut tx = app.db.tx("fqdns.delete").await?;
    let done = match deletion::confirmed(&form, &doomed) {
        Ok(()) => fqdns::delete(&mut tx, &app.ctx(&signed.caller), id).await,
        Err(error) => Err(error),
    };
    if done.is_ok() {
        tx.commit().await?;
    }
    deletion::answer(page, doomed, form, done)
}
