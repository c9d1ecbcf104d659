//! `/config/port-lists`: ports that can be scanned.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::port_lists::{self, NewPortList, PortList, PortListPatch};
use mipo_app::{AppError, Ctx, FieldError, Found, port_catalog};
use mipo_domain::ids::PortListId;
use mipo_domain::port_names::usual_service;
use mipo_domain::ports::Ports;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use uuid::Uuid;

use super::changes::{self, Shown};
use super::cloning::{self, Model};
use super::deletion::{self, Doomed};
use super::{Shared, ids, number, refused, version};
use crate::http::{Id, Posted};
use crate::lists::{Columns, YES_NO, pairs};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::inline::{self, Sent};
use crate::ui::tables::{Col, Listing, RowMenu};
use crate::ui::{self, Page, Region, last_page, show};

const LIST: &str = "/config/port-lists";
const TITLE: &str = "Port lists";
/// Ports of a preview that are shown with the service that is usual on them.
const NAMED: usize = 24;
/// Characters of a port text in a list.
const SHORT: usize = 48;

/// What the list can be asked.
pub const COLUMNS: Columns = Columns {
    sort: &["name", "ports", "description", "rateLimit", "builtIn", "created"],
    filters: &["builtIn"],
    default_sort: "name",
    words: &[("builtIn", YES_NO)],
};

/// The columns of its table.
const COLS: &[Col] = &[
    Col::lead("name", "Name"),
    Col::text("text", "Ports"),
    Col::num("ports", "Count"),
    Col::fill("description", "Description"),
    Col::num("rateLimit", "Rate limit"),
    Col::text("builtIn", "Built in"),
    Col::text("created", "Created").extra(),
];

fn path(id: PortListId) -> String {
    format!("{LIST}/{id}")
}

/// A port list with its ports read.
pub(super) struct Row {
    pub(super) list: PortList,
    pub(super) ports: Ports,
}

impl Row {
    /// Reads the ports of a stored list.
    pub(super) fn of(list: PortList) -> Result<Self, AppError> {
        Ok(Self { ports: port_lists::ports_of(&list)?, list })
    }

    /// How many ports, each once.
    pub(super) fn count(&self) -> String {
        let tcp = show::number(self.ports.tcp.count());
        match self.ports.udp.count() {
            0 => tcp,
            udp => format!("{tcp} + {} udp", show::number(udp)),
        }
    }

    fn menu(&self, list: &Listing, page: &Page) -> RowMenu {
        let (path, may) = (path(self.list.id), page.shell.may(Right::ConfigManage));
        let row = format!("port-list-{}", self.list.id);
        RowMenu::new(page, &row, &self.list.name)
            .link(&path, "Open")
            .edit_if(may && !self.list.built_in, list.edit(self.list.id, &row))
            .link_if(may, format!("{path}/clone"), "Clone")
            .harm_if(may && !self.list.built_in, format!("{path}/delete"), "Delete…")
    }

    /// The first ports.
    pub(super) fn short(&self) -> String {
        shortened(&self.ports.to_string().replace(',', ", "))
    }
}

/// The first ports of a text, cut between two.
pub(super) fn shortened(text: &str) -> String {
    if text.chars().count() <= SHORT {
        return text.to_owned();
    }
    let cut: String = text.chars().take(SHORT).collect();
    let whole = cut.rfind(", ").map_or(cut.as_str(), |at| &cut[..at]);
    format!("{whole}, …")
}

#[derive(Template)]
#[template(path = "config/port-lists.html", blocks = ["rows"])]
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
    let mut tx = app.db.read("port_lists.list").await?;
    let Found { items, total, total_is_estimate } = port_lists::list(&mut tx, &ctx, &list.query.ask()).await?;
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
    Id(id): Id<PortListId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut sent = Sent::of(form);
    let patch = PortListPatch {
        version: sent.version,
        name: sent.text("name"),
        description: sent.text("description"),
        rate_limit: sent.rate(),
        ..PortListPatch::default()
    };
    let raw = sent.raw();
    let mut tx = app.db.tx("port_lists.update").await?;
    let done = port_lists::update(&mut tx, &app.ctx(&signed.caller), id, patch).await;
    match sent.judge(done)? {
        Ok(list) => {
            tx.commit().await?;
            Ok(inline::saved(LIST, raw.as_deref(), &list.name))
        }
        Err(form) => {
            drop(tx);
            let typed = Some((id.to_string(), form));
            draw_list(page, &signed, &app, Region::default(), raw.as_deref(), typed).await
        }
    }
}

/// What a port text means, beside the field in which it is typed.
struct Parsed {
    empty: bool,
    ports: Ports,
    errors: Vec<FieldError>,
}

impl Parsed {
    fn of(text: &str, read: Result<Ports, AppError>) -> Result<Self, ui::Error> {
        let empty = text.trim().is_empty();
        match read {
            Ok(ports) => Ok(Self { empty, ports, errors: Vec::new() }),
            Err(AppError::Invalid(errors)) => Ok(Self { empty, ports: Ports::default(), errors }),
            Err(error) => Err(error.into()),
        }
    }

    fn named(&self) -> Vec<(u16, &'static str)> {
        self.ports.tcp.iter().filter_map(|port| usual_service(port).map(|name| (port, name))).take(NAMED).collect()
    }

    fn tcp(&self) -> String {
        shortened(&self.ports.tcp.to_string().replace(',', ", "))
    }

    fn udp(&self) -> String {
        shortened(&self.ports.udp.to_string().replace(',', ", "))
    }
}

#[derive(Template)]
#[template(path = "config/port-list.html", blocks = ["parsed"])]
struct One {
    page: Page,
    form: Form,
    /// Missing on the page that makes a new one.
    list: Option<PortList>,
    parsed: Parsed,
    /// Names that can be imported.
    catalog: Vec<String>,
    changes: Vec<Shown>,
}

impl One {
    fn ticked(&self, id: &Uuid) -> bool {
        self.form.ticked("imported", &id.to_string())
    }

    fn can_edit(&self) -> bool {
        self.page.shell.may(Right::ConfigManage) && self.list.as_ref().is_none_or(|list| !list.built_in)
    }
}

/// The names of the catalog that were typed.
fn typed_names(form: &Form) -> Vec<String> {
    let names = form.value("catalogImports").split([',', ' ', '\n', '\t']);
    names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The entries to import: those that were typed, and the ones of before that are still ticked.
async fn imports(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    form: &Form,
    errors: &mut Vec<FieldError>,
) -> Result<Vec<Uuid>, ui::Error> {
    let mut imports: Vec<Uuid> = ids(form, "imported", errors);
    match port_catalog::by_names(conn, ctx, "catalogImports", &typed_names(form)).await {
        Ok(entries) => imports.extend(entries.into_iter().map(|entry| entry.id)),
        Err(error) => errors.extend(refused(error)?),
    }
    Ok(imports)
}

/// What the typed ports and imports would make together.
async fn parsed(conn: &mut Conn, ctx: &Ctx<'_>, form: &Form) -> Result<Parsed, ui::Error> {
    let (text, names) = (form.value("ports"), typed_names(form));
    let mut read = port_lists::parse(ctx, text);
    if let Ok(ports) = &mut read
        && !names.is_empty()
    {
        match port_lists::with_imports(conn, ctx, ports, &names).await {
            Ok(union) => *ports = union,
            Err(error) => read = Err(error),
        }
    }
    Parsed::of(if names.is_empty() { text } else { "imported" }, read)
}

async fn new_view(page: Page, signed: &SignedIn, app: &App, form: Form) -> Result<One, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("port_lists.new").await?;
    let parsed = parsed(&mut tx, &ctx, &form).await?;
    let catalog = port_catalog::names(&mut tx, &ctx).await?;
    let page = page.at(LIST, "Add a port list").under(TITLE, LIST);
    Ok(One { page, form, list: None, parsed, catalog, changes: Vec::new() })
}

pub(super) async fn new_page(
    page: Page,
    signed: SignedIn,
    RawQuery(raw): RawQuery,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::ConfigManage)?;
    let mut form = Form::new();
    for (name, value) in pairs(raw.as_deref().unwrap_or_default()) {
        if name == "catalog" {
            form = form.set("catalogImports", value);
        }
    }
    let view = new_view(page, &signed, &app, form).await?;
    Ok(ui::render(&view, &view.page))
}

pub(super) async fn create(
    page: Page,
    signed: SignedIn,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut errors = Vec::new();
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::ConfigManage)?;
    let mut tx = app.db.tx("port_lists.create").await?;
    let input = NewPortList {
        name: form.value("name").to_owned(),
        description: form.value("description").to_owned(),
        ports: form.value("ports").to_owned(),
        rate_limit: number(&form, "rateLimit", &mut errors),
        catalog_imports: imports(&mut tx, &ctx, &form, &mut errors).await?,
    };
    match port_lists::create(&mut tx, &ctx, input).await {
        Ok(list) if errors.is_empty() => {
            tx.commit().await?;
            let row = Row::of(list)?;
            let text = format!("Port list {} is added: {} ports.", row.list.name, row.count());
            return Ok(flash::redirect(LIST, Tone::Good, &text));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    drop(tx);
    let view = new_view(page, &signed, &app, form.refuse(errors)).await?;
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}

/// The preview beside the form, while somebody types.
pub(super) async fn preview(
    page: Page,
    signed: SignedIn,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let view = new_view(page, &signed, &app, form).await?;
    Ok(ui::render(&view.as_parsed(), &view.page))
}

async fn draw(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: PortListId,
    typed: Option<Form>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("port_lists.page").await?;
    let list = port_lists::get(&mut tx, &ctx, id).await?;
    let changes = changes::shown(port_lists::history(&mut tx, &ctx, id).await?);
    let status = if typed.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let form = match typed {
        Some(form) => form,
        None => {
            let mut form = Form::new()
                .with("name", list.name.clone())
                .with("description", list.description.clone())
                .with("ports", port_lists::ports_of(&list)?.to_string().replace(',', ", "));
            if list.rate_limit > 0 {
                form = form.with("rateLimit", list.rate_limit.to_string());
            }
            for entry in list.catalog_imports.iter() {
                form = form.with("imported", entry.id.to_string());
            }
            form
        }
    };
    let parsed = parsed(&mut tx, &ctx, &form).await?;
    let catalog = port_catalog::names(&mut tx, &ctx).await?;
    let page = page.at(LIST, list.name.clone()).under(TITLE, LIST);
    let view = One { page, form, list: Some(list), parsed, catalog, changes };
    Ok(ui::render_with(status, &view, &view.page))
}

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<PortListId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    draw(page, &signed, &app, id, None).await
}

pub(super) async fn save(
    page: Page,
    signed: SignedIn,
    Id(id): Id<PortListId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut errors = Vec::new();
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::ConfigManage)?;
    let mut tx = app.db.tx("port_lists.update").await?;
    let patch = PortListPatch {
        version: version(&form),
        name: Some(form.value("name").to_owned()),
        description: Some(form.value("description").to_owned()),
        ports: Some(form.value("ports").to_owned()),
        rate_limit: Some(number(&form, "rateLimit", &mut errors)),
        catalog_imports: Some(imports(&mut tx, &ctx, &form, &mut errors).await?),
    };
    match port_lists::update(&mut tx, &ctx, id, patch).await {
        Ok(list) if errors.is_empty() => {
            tx.commit().await?;
            return Ok(flash::redirect(&path(id), Tone::Good, &format!("Port list {} is saved.", list.name)));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    drop(tx);
    draw(page, &signed, &app, id, Some(form.refuse(errors))).await
}

async fn model(app: &crate::state::App, signed: &SignedIn, id: PortListId) -> Result<Model, ui::Error> {
    let mut tx = app.db.read("port_lists.clone_page").await?;
    let it = port_lists::get(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Model {
        kind: "port list",
        name: it.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        takes: "The copy has the same ports and rate limit, and can be changed.",
    })
}

pub(super) async fn clone_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<PortListId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    Ok(cloning::ask(page, model(&app, &signed, id).await?))
}

pub(super) async fn duplicate(
    page: Page,
    signed: SignedIn,
    Id(id): Id<PortListId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let model = model(&app, &signed, id).await?;
    let mut tx = app.db.tx("port_lists.clone").await?;
    let done = match port_lists::duplicate(&mut tx, &app.ctx(&signed.caller), id, form.value("name")).await {
        Ok(copy) => {
            tx.commit().await?;
            Ok((copy.name, path(copy.id)))
        }
        Err(error) => Err(error),
    };
    cloning::answer(page, model, form, done)
}

async fn doomed(app: &crate::state::App, signed: &SignedIn, id: PortListId) -> Result<Doomed, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("port_lists.delete_page").await?;
    let it = port_lists::get(&mut tx, &ctx, id).await?;
    Ok(Doomed {
        kind: "port list",
        name: it.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        consequence: "Templates cannot use it any more. Scans and results of the past stay.",
        built_in: it.built_in,
        users: port_lists::users(&mut tx, &ctx, id).await?,
    })
}

pub(super) async fn delete_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<PortListId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::ConfigManage)?;
    Ok(deletion::ask(page, doomed(&app, &signed, id).await?))
}

pub(super) async fn delete(
    page: Page,
    signed: SignedIn,
    Id(id): Id<PortListId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let doomed = doomed(&app, &signed, id).await?;
    let mut tx = app.db.tx("port_lists.delete").await?;
    let done = match deletion::confirmed(&form, &doomed) {
        Ok(()) => port_lists::delete(&mut tx, &app.ctx(&signed.caller), id).await,
        Err(error) => Err(error),
    };
    if done.is_ok() {
        tx.commit().await?;
    }
    deletion::answer(page, doomed, form, done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut_between_two_ports() {
        assert_eq!(shortened("22, 80"), "22, 80");
        let long = shortened(&(1..100).map(|n| (n * 7).to_string()).collect::<Vec<_>>().join(", "));
        assert!(long.ends_with(", …") && long.chars().count() <= SHORT + 3, "{long}");
    }
}
