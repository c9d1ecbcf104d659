//! `/config/exclusions`: addresses that are never probed.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use mipo_app::exclusions::{self, Exclusion, ExclusionPatch, NewExclusion};
use mipo_app::{AppError, Found};
use mipo_domain::ids::ExclusionId;
use mipo_domain::rights::Right;

use super::changes::{self, Shown};
use super::cloning::{self, Model};
use super::deletion::{self, Doomed};
use super::password::{self, Given};
use super::{Shared, instant, refused, step_up, version};
use crate::http::{Client, Id, Posted};
use crate::lists::{Columns, YES_NO};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::{Col, Listing, RowMenu};
use crate::ui::{self, Page, Region, last_page, show};

const LIST: &str = "/config/exclusions";
const TITLE: &str = "Exclusions";

/// What the list can be asked.
pub const COLUMNS: Columns = Columns {
    sort: &["name", "cidr", "reason", "owner", "expires", "enabled", "builtIn", "created"],
    filters: &["enabled", "builtIn", "owner"],
    default_sort: "name",
    words: &[("enabled", YES_NO), ("builtIn", YES_NO)],
};

/// The columns of its table.
const COLS: &[Col] = &[
    Col::lead("name", "Name"),
    Col::text("cidr", "CIDR"),
    Col::text("ports", "Ports"),
    Col::fill("reason", "Reason"),
    Col::text("owner", "Owner"),
    Col::text("expires", "Expires"),
    Col::text("enabled", "State"),
    Col::text("created", "Created").extra(),
];

fn path(id: ExclusionId) -> String {
    format!("{LIST}/{id}")
}

/// An exclusion as it is shown.
struct Row {
    exclusion: Exclusion,
    ports: String,
    holds: bool,
}

impl Row {
    fn of(exclusion: Exclusion, now: DateTime<Utc>) -> Result<Self, AppError> {
        let ports = exclusions::ports_text(&exclusion)?.replace(',', ", ");
        Ok(Self { ports, holds: exclusions::holds(&exclusion, now), exclusion })
    }

    fn state(&self) -> show::Html {
        if self.holds {
            show::labelled("s-ok", "good", "Excluded")
        } else if self.exclusion.enabled {
            show::labelled("s-late", "idle", "Expired")
        } else {
            show::labelled("s-warn", "warn", "Disabled")
        }
    }

    fn menu(&self, page: &Page) -> RowMenu {
        let Exclusion { id, name, enabled, built_in, .. } = &self.exclusion;
        let (path, may) = (path(*id), page.shell.may(Right::SafetyManage));
        RowMenu::new(page, format!("exclusion-{id}"), name)
            .link(&path, "Open")
            .post_if(may && !enabled, format!("{path}/enable"), "Enable")
            .link_if(may, format!("{path}/clone"), "Clone")
            .harm_if(may && *enabled, format!("{path}/disable"), "Disable…")
            .harm_if(may && !built_in, format!("{path}/delete"), "Delete…")
    }
}

#[derive(Template)]
#[template(path = "config/exclusions.html", blocks = ["rows"])]
struct List {
    page: Page,
    list: Listing,
    rows: Vec<Row>,
    total: i64,
    total_is_estimate: bool,
    owners: Vec<String>,
}

pub(super) async fn list(
    page: Page,
    signed: SignedIn,
    region: Region,
    RawQuery(raw): RawQuery,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let list = Listing::read(LIST, raw.as_deref(), &COLUMNS).showing(COLS);
    let mut tx = app.db.read("exclusions.list").await?;
    let Found { items, total, total_is_estimate } = exclusions::list(&mut tx, &ctx, &list.query.ask()).await?;
    if let Some(response) = last_page::instead(&list, items.len(), total) {
        return Ok(response);
    }
    let owners = exclusions::filter_values(&mut tx, &ctx, "owner").await?;
    let rows = items.into_iter().map(|row| Row::of(row, ctx.now())).collect::<Result<_, _>>()?;
    let view = List { page: page.at(LIST, TITLE), list, rows, total, total_is_estimate, owners };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

#[derive(Template)]
#[template(path = "config/exclusion.html")]
struct One {
    page: Page,
    form: Form,
    /// Missing on the page that makes a new one.
    row: Option<Row>,
    changes: Vec<Shown>,
    /// The password was given too long ago to save with it.
    asks_password: bool,
}

impl One {
    fn can_edit(&self) -> bool {
        self.page.shell.may(Right::SafetyManage) && self.row.as_ref().is_none_or(|row| !row.exclusion.built_in)
    }
}

fn new_view(page: Page, form: Form) -> One {
    One {
        page: page.at(LIST, "Add an exclusion").under(TITLE, LIST),
        form,
        row: None,
        changes: Vec::new(),
        asks_password: false,
    }
}

pub(super) async fn new_page(page: Page, signed: SignedIn, State(app): Shared) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::SafetyManage)?;
    let view = new_view(page, Form::new());
    Ok(ui::render(&view, &view.page))
}

pub(super) async fn create(
    page: Page,
    signed: SignedIn,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut errors = Vec::new();
    let input = NewExclusion {
        name: form.value("name").to_owned(),
        cidr: form.value("cidr").to_owned(),
        ports: form.value("ports").to_owned(),
        reason: form.value("reason").to_owned(),
        expires_at: instant(&form, "expiresAt", &mut errors),
    };
    let mut tx = app.db.tx("exclusions.create").await?;
    match exclusions::create(&mut tx, &app.ctx(&signed.caller), input).await {
        Ok(exclusion) if errors.is_empty() => {
            tx.commit().await?;
            let text = format!("{} is excluded from now on.", exclusion.cidr);
            return Ok(flash::redirect(LIST, Tone::Good, &text));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    let view = new_view(page, form.refuse(errors));
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}

async fn draw(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: ExclusionId,
    typed: Option<Form>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("exclusions.page").await?;
    let row = Row::of(exclusions::get(&mut tx, &ctx, id).await?, ctx.now())?;
    let changes = changes::shown(exclusions::history(&mut tx, &ctx, id).await?);
    let status = if typed.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let form = typed.unwrap_or_else(|| {
        let mut form = Form::new()
            .with("name", row.exclusion.name.clone())
            .with("cidr", row.exclusion.cidr.to_string())
            .with("ports", row.ports.clone())
            .with("reason", row.exclusion.reason.clone());
        if let Some(at) = row.exclusion.expires_at {
            form = form.with("expiresAt", at.format(super::MINUTES).to_string());
        }
        form
    });
    let page = page.at(LIST, row.exclusion.name.clone()).under(TITLE, LIST);
    let asks_password = ctx.require_step_up().is_err();
    let view = One { page, form, row: Some(row), changes, asks_password };
    Ok(ui::render_with(status, &view, &view.page))
}

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ExclusionId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    draw(page, &signed, &app, id, None).await
}

/// Stores the form. Less may be excluded afterwards, so it needs the password.
pub(super) async fn save(
    mut page: Page,
    mut signed: SignedIn,
    client: Client,
    Id(id): Id<ExclusionId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::SafetyManage)?;
    match password::given(&app, &client, &mut page, &mut signed, &form).await? {
        Given::Fresh(cookie) => Ok(password::with_cookie(store(page, &signed, &app, id, form).await, cookie)),
        Given::Refused(errors) => draw(page, &signed, &app, id, Some(form.refuse(errors))).await,
    }
}

async fn store(page: Page, signed: &SignedIn, app: &App, id: ExclusionId, form: Form) -> Result<Response, ui::Error> {
    let mut errors = Vec::new();
    let patch = ExclusionPatch {
        version: version(&form),
        name: Some(form.value("name").to_owned()),
        cidr: Some(form.value("cidr").to_owned()),
        ports: Some(form.value("ports").to_owned()),
        reason: Some(form.value("reason").to_owned()),
        expires_at: Some(instant(&form, "expiresAt", &mut errors)),
    };
    let mut tx = app.db.tx("exclusions.update").await?;
    match exclusions::update(&mut tx, &app.ctx(&signed.caller), id, patch).await {
        Ok(exclusion) if errors.is_empty() => {
            tx.commit().await?;
            return Ok(flash::redirect(&path(id), Tone::Good, &format!("Exclusion {} is saved.", exclusion.name)));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    drop(tx);
    draw(page, signed, app, id, Some(form.refuse(errors))).await
}

#[derive(Template)]
#[template(path = "config/exclusion-disable.html")]
struct DisablePage {
    page: Page,
    form: Form,
    row: Row,
}

async fn disable_view(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: ExclusionId,
    form: Form,
) -> Result<DisablePage, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::SafetyManage)?;
    let mut tx = app.db.read("exclusions.disable_page").await?;
    let row = Row::of(exclusions::get(&mut tx, &ctx, id).await?, ctx.now())?;
    let page = page
        .at(LIST, format!("Disable {}?", row.exclusion.name))
        .under(TITLE, LIST)
        .under(row.exclusion.name.clone(), path(id));
    Ok(DisablePage { page, form, row })
}

pub(super) async fn disable_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ExclusionId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let view = disable_view(page, &signed, &app, id, Form::new()).await?;
    // The password first, so that nobody types a reason twice.
    if let Some(response) = step_up(&app.ctx(&signed.caller), &format!("{}/disable", path(id))) {
        return Ok(response);
    }
    Ok(ui::render(&view, &view.page))
}

pub(super) async fn disable(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ExclusionId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    if let Some(response) = step_up(&ctx, &format!("{}/disable", path(id))) {
        return Ok(response);
    }
    let mut tx = app.db.tx("exclusions.disable").await?;
    match exclusions::set_enabled(&mut tx, &ctx, id, false, form.value("reason")).await {
        Ok(exclusion) => {
            tx.commit().await?;
            let text = format!("{} is not excluded any more.", exclusion.cidr);
            Ok(flash::redirect(&path(id), Tone::Warn, &text))
        }
        Err(error) => {
            let errors = refused(error)?;
            drop(tx);
            let view = disable_view(page, &signed, &app, id, form.refuse(errors)).await?;
            Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
        }
    }
}

pub(super) async fn enable(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<ExclusionId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("exclusions.enable").await?;
    let exclusion = exclusions::set_enabled(&mut tx, &app.ctx(&signed.caller), id, true, "").await?;
    tx.commit().await?;
    Ok(flash::redirect(&path(id), Tone::Good, &format!("{} is excluded again.", exclusion.cidr)))
}

async fn model(app: &crate::state::App, signed: &SignedIn, id: ExclusionId) -> Result<Model, ui::Error> {
    let mut tx = app.db.read("exclusions.clone_page").await?;
    let it = exclusions::get(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Model {
        kind: "exclusion",
        name: it.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        takes: "The copy excludes the same addresses and ports, and can be changed.",
    })
}

pub(super) async fn clone_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ExclusionId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    Ok(cloning::ask(page, model(&app, &signed, id).await?))
}

pub(super) async fn duplicate(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ExclusionId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let model = model(&app, &signed, id).await?;
    let mut tx = app.db.tx("exclusions.clone").await?;
    let done = match exclusions::duplicate(&mut tx, &app.ctx(&signed.caller), id, form.value("name")).await {
        Ok(copy) => {
            tx.commit().await?;
            Ok((copy.name, path(copy.id)))
        }
        Err(error) => Err(error),
    };
    cloning::answer(page, model, form, done)
}

async fn doomed(app: &crate::state::App, signed: &SignedIn, id: ExclusionId) -> Result<Doomed, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("exclusions.delete_page").await?;
    let it = exclusions::get(&mut tx, &ctx, id).await?;
    Ok(Doomed {
        kind: "exclusion",
        name: it.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        consequence: "Its addresses may be probed again, unless another exclusion covers them.",
        built_in: it.built_in,
        users: Vec::new(),
    })
}

pub(super) async fn delete_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ExclusionId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::SafetyManage)?;
    if let Some(response) = step_up(&ctx, &format!("{}/delete", path(id))) {
        return Ok(response);
    }
    Ok(deletion::ask(page, doomed(&app, &signed, id).await?))
}

pub(super) async fn delete(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ExclusionId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    if let Some(response) = step_up(&app.ctx(&signed.caller), &format!("{}/delete", path(id))) {
        return Ok(response);
    }
    let doomed = doomed(&app, &signed, id).await?;
    let mut tx = app.db.tx("exclusions.delete").await?;
    let done = match deletion::confirmed(&form, &doomed) {
        Ok(()) => exclusions::delete(&mut tx, &app.ctx(&signed.caller), id).await,
        Err(error) => Err(error),
    };
    if done.is_ok() {
        tx.commit().await?;
    }
    deletion::answer(page, doomed, form, done)
}
