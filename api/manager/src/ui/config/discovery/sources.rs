//! Discovery sources: list, form, the key that is shown once.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use mipo_app::discovery::{self, DiscoveryList, DiscoverySource, KeyShown, NewSource, SourcePatch};
use mipo_app::error::Referrer;
use mipo_app::{Ask, Found};
use mipo_domain::ids::DiscoverySourceId;
use mipo_domain::rights::Right;

use super::lists::scanned_by;
use super::{LIST, SOURCE_COLUMNS, TITLE};
use crate::http::{Id, Posted};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::changes::{self, Shown};
use crate::ui::config::deletion::{self, Doomed};
use crate::ui::config::{Shared, refused, version};
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::{Col, Listing, RowMenu};
use crate::ui::{self, Page, Region, last_page, show};

/// Lists shown on the page of their source.
const LISTS_SHOWN: i64 = 200;

const COLS: &[Col] = &[
    Col::lead("name", "Source"),
    Col::fill("description", "Description"),
    Col::num("lists", "Lists"),
    Col::num("ips", "IP count"),
    Col::text("lastPush", "Last push"),
    Col::text("enabled", "Enabled"),
    Col::text("created", "Created").extra(),
];

fn path(id: DiscoverySourceId) -> String {
    format!("{LIST}/{id}")
}

#[derive(Template)]
#[template(path = "config/discovery.html", blocks = ["rows"])]
struct List {
    page: Page,
    list: Listing,
    found: Found<DiscoverySource>,
}

impl List {
    fn menu(&self, source: &DiscoverySource) -> RowMenu {
        let (path, may) = (path(source.id), self.page.shell.may(Right::DiscoveryManage));
        RowMenu::new(&self.page, format!("source-{}", source.id), &source.name)
            .link(&path, "Open")
            .link_if(may, format!("{path}/rotate-key"), "Rotate key…")
            .harm_if(may, format!("{path}/delete"), "Delete…")
    }
}

pub(crate) async fn list(
    page: Page,
    signed: SignedIn,
    region: Region,
    RawQuery(raw): RawQuery,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let list = Listing::read(LIST, raw.as_deref(), &SOURCE_COLUMNS).showing(COLS);
    let mut tx = app.db.read("discovery_sources.list").await?;
    let found = discovery::list(&mut tx, &ctx, &list.query.ask()).await?;
    if let Some(response) = last_page::instead(&list, found.items.len(), found.total) {
        return Ok(response);
    }
    let view = List { page: page.at(LIST, TITLE), list, found };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

#[derive(Template)]
#[template(path = "config/discovery-source.html", blocks = ["lists"])]
struct One {
    page: Page,
    form: Form,
    /// Missing on the page that makes a new one.
    source: Option<DiscoverySource>,
    lists: Vec<DiscoveryList>,
    changes: Vec<Shown>,
}

impl One {
    fn can_edit(&self) -> bool {
        self.page.shell.may(Right::DiscoveryManage)
    }

    fn by(&self, list: &DiscoveryList) -> String {
        scanned_by(list).name.clone()
    }
}

fn form_of(source: &DiscoverySource) -> Form {
    let form = Form::new().with("name", source.name.clone()).with("description", source.description.clone());
    if source.enabled { form.with("enabled", "true") } else { form }
}

async fn view(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: Option<DiscoverySourceId>,
    typed: Option<Form>,
) -> Result<One, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("discovery_sources.page").await?;
    let (source, lists, changes) = match id {
        Some(id) => {
            let source = discovery::get(&mut tx, &ctx, id).await?;
            let mut ask = Ask::first(LISTS_SHOWN, "name");
            ask.filters.insert("source".to_owned(), source.name.clone());
            let lists = discovery::list_lists(&mut tx, &ctx, &ask).await?.items;
            let changes = changes::shown(discovery::history(&mut tx, &ctx, id).await?);
            (Some(source), lists, changes)
        }
        None => (None, Vec::new(), Vec::new()),
    };
    let form = typed.unwrap_or_else(|| source.as_ref().map_or_else(Form::new, form_of));
    let title = source.as_ref().map_or_else(|| "Add a discovery source".to_owned(), |source| source.name.clone());
    let page = page.at(LIST, title).under(TITLE, LIST);
    Ok(One { page, form, source, lists, changes })
}

pub(crate) async fn new_page(page: Page, signed: SignedIn, State(app): Shared) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::DiscoveryManage)?;
    let view = view(page, &signed, &app, None, None).await?;
    Ok(ui::render(&view, &view.page))
}

/// The page that shows a key. It has no Debug output, because it holds one.
#[derive(Template)]
#[template(path = "config/discovery-key.html")]
struct KeyPage {
    page: Page,
    source: DiscoverySource,
    key: String,
    /// The address of this mipo, when it is known.
    server: Option<String>,
}

impl KeyPage {
    fn base(&self) -> &str {
        self.server.as_deref().unwrap_or("https://YOUR-MIPO")
    }
}

async fn shown(page: Page, app: &App, shown: KeyShown) -> Result<Response, ui::Error> {
    let mut tx = app.db.read("discovery_sources.key_page").await?;
    let server = crate::enrolment::server(&mut tx, app).await?;
    let source = shown.source;
    let page =
        page.at(LIST, format!("Key of {}", source.name)).under(TITLE, LIST).under(source.name.clone(), path(source.id));
    let view = KeyPage { page, key: shown.key.reveal().to_owned(), source, server };
    let mut response = ui::render(&view, &view.page);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

pub(crate) async fn create(
    page: Page,
    signed: SignedIn,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let input = NewSource { name: form.value("name").to_owned(), description: form.value("description").to_owned() };
    let mut tx = app.db.tx("discovery_sources.create").await?;
    match discovery::create(&mut tx, &app.ctx(&signed.caller), input).await {
        Ok(made) => {
            tx.commit().await?;
            shown(page, &app, made).await
        }
        Err(error) => {
            let errors = refused(error)?;
            drop(tx);
            let view = view(page, &signed, &app, None, Some(form.refuse(errors))).await?;
            Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
        }
    }
}

pub(crate) async fn page(
    page: Page,
    signed: SignedIn,
    region: Region,
    Id(id): Id<DiscoverySourceId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let view = view(page, &signed, &app, Some(id), None).await?;
    Ok(match region.name() {
        Some("lists") => ui::render(&view.as_lists(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

pub(crate) async fn save(
    page: Page,
    signed: SignedIn,
    Id(id): Id<DiscoverySourceId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let patch = SourcePatch {
        version: version(&form),
        name: Some(form.value("name").to_owned()),
        description: Some(form.value("description").to_owned()),
        enabled: Some(form.ticked("enabled", "true")),
    };
    let mut tx = app.db.tx("discovery_sources.update").await?;
    match discovery::update(&mut tx, &app.ctx(&signed.caller), id, patch).await {
        Ok(source) => {
            tx.commit().await?;
            Ok(flash::redirect(&path(id), Tone::Good, &format!("Discovery source {} is saved.", source.name)))
        }
        Err(error) => {
            let errors = refused(error)?;
            drop(tx);
            let view = view(page, &signed, &app, Some(id), Some(form.refuse(errors))).await?;
            Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
        }
    }
}

#[derive(Template)]
#[template(path = "config/discovery-rotate.html")]
struct RotatePage {
    page: Page,
    source: DiscoverySource,
}

pub(crate) async fn rotate_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<DiscoverySourceId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::DiscoveryManage)?;
    let mut tx = app.db.read("discovery_sources.rotate_page").await?;
    let source = discovery::get(&mut tx, &ctx, id).await?;
    let page =
        page.at(LIST, format!("New key for {}?", source.name)).under(TITLE, LIST).under(source.name.clone(), path(id));
    let view = RotatePage { page, source };
    Ok(ui::render(&view, &view.page))
}

pub(crate) async fn rotate(
    page: Page,
    signed: SignedIn,
    Id(id): Id<DiscoverySourceId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("discovery_sources.rotate_key").await?;
    let rotated = discovery::rotate_key(&mut tx, &app.ctx(&signed.caller), id).await?;
    tx.commit().await?;
    shown(page, &app, rotated).await
}

async fn doomed(app: &App, signed: &SignedIn, id: DiscoverySourceId) -> Result<Doomed, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("discovery_sources.delete_page").await?;
    let source = discovery::get(&mut tx, &ctx, id).await?;
    let users: Vec<Referrer> = discovery::users(&mut tx, &ctx, id).await?;
    Ok(Doomed {
        kind: "discovery source",
        name: source.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        consequence: "Its key, its lists and their addresses go with it. What was found on them stays.",
        built_in: false,
        users,
    })
}

pub(crate) async fn delete_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<DiscoverySourceId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::DiscoveryManage)?;
    Ok(deletion::ask(page, doomed(&app, &signed, id).await?))
}

pub(crate) async fn delete(
    page: Page,
    signed: SignedIn,
    Id(id): Id<DiscoverySourceId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let doomed = doomed(&app, &signed, id).await?;
    let mut tx = app.db.tx("discovery_sources.delete").await?;
    let done = match deletion::confirmed(&form, &doomed) {
        Ok(()) => discovery::delete(&mut tx, &app.ctx(&signed.caller), id).await,
        Err(error) => Err(error),
    };
    if done.is_ok() {
        tx.commit().await?;
    }
    deletion::answer(page, doomed, form, done)
}
