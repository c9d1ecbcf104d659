//! `/config/port-catalog`: named ports to put into port lists.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::error::Referrer;
use mipo_app::port_catalog::{self, Entry, EntryPatch, NewEntry};
use mipo_app::{AppError, Found};
use mipo_domain::ids::PortCatalogId;
use mipo_domain::rights::Right;

use super::changes::{self, Shown};
use super::cloning::{self, Model};
use super::deletion::{self, Doomed};
use super::port_lists::shortened;
use super::{Shared, refused, version};
use crate::http::{Id, Posted};
use crate::lists::{Columns, YES_NO};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::inline::{self, Sent};
use crate::ui::tables::{Col, Listing, RowMenu};
use crate::ui::{self, Page, Region, last_page, show};

const LIST: &str = "/config/port-catalog";
const TITLE: &str = "Port catalog";

/// What the list can be asked.
pub const COLUMNS: Columns = Columns {
    sort: &["name", "ports", "description", "builtIn", "created"],
    filters: &["builtIn", "protocol"],
    default_sort: "name",
    words: &[("builtIn", YES_NO), ("protocol", &["tcp", "udp", "both"])],
};

/// The columns of its table.
const COLS: &[Col] = &[
    Col::lead("name", "Name"),
    Col::text("text", "Ports"),
    Col::num("ports", "Count").extra(),
    Col::fill("description", "Description"),
    Col::text("sources", "Sources"),
    Col::text("builtIn", "Built in"),
    Col::text("created", "Created").extra(),
];

fn path(id: PortCatalogId) -> String {
    format!("{LIST}/{id}")
}

/// An entry with its ports read.
struct Row {
    entry: Entry,
    text: String,
    count: u32,
}

impl Row {
    fn of(entry: Entry) -> Result<Self, AppError> {
        let ports = port_catalog::ports_of(&entry)?;
        let text = ports.to_string().replace(',', ", ");
        Ok(Self { count: ports.tcp.count() + ports.udp.count(), text, entry })
    }

    fn short(&self) -> String {
        shortened(&self.text)
    }

    fn menu(&self, list: &Listing, page: &Page) -> RowMenu {
        let (path, may) = (path(self.entry.id), page.shell.may(Right::ConfigManage));
        let row = format!("entry-{}", self.entry.id);
        RowMenu::new(page, &row, &self.entry.name)
            .link(&path, "Open")
            .edit_if(may && !self.entry.built_in, list.edit(self.entry.id, &row))
            .link_if(may, format!("/config/port-lists/new?catalog={}", self.entry.name), "Import into a new list")
            .link_if(may, format!("{path}/clone"), "Clone")
            .harm_if(may && !self.entry.built_in, format!("{path}/delete"), "Delete…")
    }
}

#[derive(Template)]
#[template(path = "config/port-catalog.html", blocks = ["rows"])]
struct List {
    page: Page,
    list: Listing,
    rows: Vec<Row>,
    total: i64,
    total_is_estimate: bool,
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
    let mut tx = app.db.read("port_catalog.list").await?;
    let Found { items, total, total_is_estimate } = port_catalog::list(&mut tx, &ctx, &list.query.ask()).await?;
    if let Some(response) = last_page::instead(&list, items.len(), total) {
        return Ok(response);
    }
    let rows = items.into_iter().map(Row::of).collect::<Result<_, _>>()?;
    let view = List { page: page.at(LIST, TITLE), list, rows, total, total_is_estimate };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render_with(status, &view, &view.page),
    })
}

/// Stores what was typed into the row of the list.
pub(super) async fn inline(
    page: Page,
    signed: SignedIn,
    Id(id): Id<PortCatalogId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let sent = Sent::of(form);
    let patch = EntryPatch {
        version: sent.version,
        name: sent.text("name"),
        description: sent.text("description"),
        ..EntryPatch::default()
    };
    let raw = sent.raw();
    let mut tx = app.db.tx("port_catalog.update").await?;
    let done = port_catalog::update(&mut tx, &app.ctx(&signed.caller), id, patch).await;
    match sent.judge(done)? {
        Ok(entry) => {
            tx.commit().await?;
            Ok(inline::saved(LIST, raw.as_deref(), &entry.name))
        }
        Err(form) => {
            drop(tx);
            let typed = Some((id.to_string(), form));
            draw_list(page, &signed, &app, Region::default(), raw.as_deref(), typed).await
        }
    }
}

#[derive(Template)]
#[template(path = "config/port-catalog-entry.html")]
struct One {
    page: Page,
    form: Form,
    /// Missing on the page that makes a new one.
    row: Option<Row>,
    users: Vec<Referrer>,
    changes: Vec<Shown>,
}

impl One {
    fn can_edit(&self) -> bool {
        self.page.shell.may(Right::ConfigManage) && self.row.as_ref().is_none_or(|row| !row.entry.built_in)
    }
}

fn new_view(page: Page, form: Form) -> One {
    let page = page.at(LIST, "Add an entry").under(TITLE, LIST);
    One { page, form, row: None, users: Vec::new(), changes: Vec::new() }
}

pub(super) async fn new_page(page: Page, signed: SignedIn, State(app): Shared) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::ConfigManage)?;
    let view = new_view(page, Form::new());
    Ok(ui::render(&view, &view.page))
}

/// One source a line.
fn sources(form: &Form) -> Vec<String> {
    form.value("sources").lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

pub(super) async fn create(
    page: Page,
    signed: SignedIn,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let input = NewEntry {
        name: form.value("name").to_owned(),
        description: form.value("description").to_owned(),
        ports: form.value("ports").to_owned(),
        sources: sources(&form),
    };
    let mut tx = app.db.tx("port_catalog.create").await?;
    match port_catalog::create(&mut tx, &app.ctx(&signed.caller), input).await {
        Ok(entry) => {
            tx.commit().await?;
            Ok(flash::redirect(LIST, Tone::Good, &format!("{} is in the port catalog.", entry.name)))
        }
        Err(error) => {
            let view = new_view(page, form.refuse(refused(error)?));
            Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
        }
    }
}

async fn draw(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: PortCatalogId,
    typed: Option<Form>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("port_catalog.page").await?;
    let row = Row::of(port_catalog::get(&mut tx, &ctx, id).await?)?;
    let users = port_catalog::users(&mut tx, &ctx, id).await?;
    let changes = changes::shown(port_catalog::history(&mut tx, &ctx, id).await?);
    let status = if typed.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let form = typed.unwrap_or_else(|| {
        Form::new()
            .with("name", row.entry.name.clone())
            .with("description", row.entry.description.clone())
            .with("ports", row.text.clone())
            .with("sources", row.entry.sources.join("\n"))
    });
    let page = page.at(LIST, row.entry.name.clone()).under(TITLE, LIST);
    let view = One { page, form, row: Some(row), users, changes };
    Ok(ui::render_with(status, &view, &view.page))
}

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<PortCatalogId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    draw(page, &signed, &app, id, None).await
}

pub(super) async fn save(
    page: Page,
    signed: SignedIn,
    Id(id): Id<PortCatalogId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let patch = EntryPatch {
        version: version(&form),
        name: Some(form.value("name").to_owned()),
        description: Some(form.value("description").to_owned()),
        ports: Some(form.value("ports").to_owned()),
        sources: Some(sources(&form)),
    };
    let mut tx = app.db.tx("port_catalog.update").await?;
    match port_catalog::update(&mut tx, &app.ctx(&signed.caller), id, patch).await {
        Ok(entry) => {
            tx.commit().await?;
            Ok(flash::redirect(&path(id), Tone::Good, &format!("{} is saved.", entry.name)))
        }
        Err(error) => {
            let errors = refused(error)?;
            drop(tx);
            draw(page, &signed, &app, id, Some(form.refuse(errors))).await
        }
    }
}

async fn model(app: &App, signed: &SignedIn, id: PortCatalogId) -> Result<Model, ui::Error> {
    let mut tx = app.db.read("port_catalog.clone_page").await?;
    let it = port_catalog::get(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Model {
        kind: "port catalog entry",
        name: it.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        takes: "The copy has the same ports and sources, and can be changed.",
    })
}

pub(super) async fn clone_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<PortCatalogId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    Ok(cloning::ask(page, model(&app, &signed, id).await?))
}

pub(super) async fn duplicate(
    page: Page,
    signed: SignedIn,
    Id(id): Id<PortCatalogId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let model = model(&app, &signed, id).await?;
    let mut tx = app.db.tx("port_catalog.clone").await?;
    let done = match port_catalog::duplicate(&mut tx, &app.ctx(&signed.caller), id, form.value("name")).await {
        Ok(copy) => {
            tx.commit().await?;
            Ok((copy.name, path(copy.id)))
        }
        Err(error) => Err(error),
    };
    cloning::answer(page, model, form, done)
}

async fn doomed(app: &App, signed: &SignedIn, id: PortCatalogId) -> Result<Doomed, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("port_catalog.delete_page").await?;
    let it = port_catalog::get(&mut tx, &ctx, id).await?;
    Ok(Doomed {
        kind: "port catalog entry",
        name: it.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        consequence: "It cannot be imported any more. Port lists keep their ports.",
        built_in: it.built_in,
        users: port_catalog::users(&mut tx, &ctx, id).await?,
    })
}

pub(super) async fn delete_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<PortCatalogId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::ConfigManage)?;
    Ok(deletion::ask(page, doomed(&app, &signed, id).await?))
}

pub(super) async fn delete(
    page: Page,
    signed: SignedIn,
    Id(id): Id<PortCatalogId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let doomed = doomed(&app, &signed, id).await?;
    let mut tx = app.db.tx("port_catalog.delete").await?;
    let done = match deletion::confirmed(&form, &doomed) {
        Ok(()) => port_catalog::delete(&mut tx, &app.ctx(&signed.caller), id).await,
        Err(error) => Err(error),
    };
    if done.is_ok() {
        tx.commit().await?;
    }
    deletion::answer(page, doomed, form, done)
}
