//! One blackout window: its form, its next times, what it holds.
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::blackouts::{self, BlackoutPatch, NewBlackout, Standing};
use mipo_app::groups::{self, GroupKind};
use mipo_app::scanners::Scanner;
use mipo_app::subnets::Subnet;
use mipo_app::{AppError, Ask, Ctx, Named, scanners, subnets};
use mipo_domain::calendar;
use mipo_domain::ids::BlackoutId;
use mipo_domain::rights::Right;
use mipo_store::Conn;
use uuid::Uuid;

use super::form::{self, KINDS};
use super::{LIST, Row, TITLE, path};
use crate::http::{Client, Id, Posted};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::changes::{self, Shown};
use crate::ui::config::password::{self, Given};
use crate::ui::config::{Shared, refused, version};
use crate::ui::flash::{self, Tone};
use crate::ui::forms::{DAYS, Form};
use crate::ui::{self, Page, show};

/// Subnets, groups and scanners offered on the form; what is chosen is always among them.
const OFFERED: i64 = 200;

#[derive(Template)]
#[template(path = "config/blackout.html", blocks = ["standing"])]
struct One {
    page: Page,
    form: Form,
    /// Missing on the page that makes a new one.
    row: Option<Row>,
    standing: Option<Standing>,
    offered: Offered,
    changes: Vec<Shown>,
    /// The password was given too long ago to save with it.
    asks_password: bool,
}

/// Who can be held.
#[derive(Default)]
struct Offered {
    subnets: Vec<Subnet>,
    groups: Vec<Named>,
    scanners: Vec<Scanner>,
}

impl One {
    fn can_edit(&self) -> bool {
        self.page.shell.may(Right::SafetyManage)
    }

    fn kinds(&self) -> &'static [(&'static str, &'static str)] {
        KINDS
    }

    fn days(&self) -> &'static [(&'static str, &'static str)] {
        DAYS
    }

    fn zones(&self) -> Vec<&'static str> {
        calendar::zone_names().collect()
    }

    fn ticked(&self, name: &str, id: impl ToString) -> bool {
        self.form.ticked(name, &id.to_string())
    }
}

fn chosen(form: &Form, name: &str) -> Vec<Uuid> {
    form.all(name).iter().filter_map(|id| id.parse().ok()).collect()
}

async fn offered(conn: &mut Conn, ctx: &Ctx<'_>, form: &Form) -> Result<Offered, AppError> {
    let mut offered = Offered::default();
    if ctx.caller.may(Right::ConfigView) {
        offered.subnets = subnets::list(conn, ctx, &Ask::first(OFFERED, "name")).await?.items;
        for id in chosen(form, "subnetIds") {
            if !offered.subnets.iter().any(|subnet| subnet.id.as_uuid() == id)
                && let Ok(subnet) = subnets::get(conn, ctx, id.into()).await
            {
                offered.subnets.push(subnet);
            }
        }
        offered.groups = groups::named(conn, ctx, GroupKind::Subnets, OFFERED).await?;
    }
    if ctx.caller.may(Right::ScannersView) {
        offered.scanners = scanners::list(conn, ctx, &Ask::first(OFFERED, "name")).await?.items;
        for id in chosen(form, "scannerIds") {
            if !offered.scanners.iter().any(|scanner| scanner.id.as_uuid() == id)
                && let Ok(scanner) = scanners::get(conn, ctx, id.into()).await
            {
                offered.scanners.push(scanner);
            }
        }
    }
    Ok(offered)
}

async fn view(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: Option<BlackoutId>,
    typed: Option<Form>,
) -> Result<One, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("blackouts.page").await?;
    let (row, standing, changes) = match id {
        Some(id) => {
            let blackout = blackouts::get(&mut tx, &ctx, id).await?;
            let standing = blackouts::standing(&mut tx, &ctx, &blackout).await?;
            let changes = changes::shown(blackouts::history(&mut tx, &ctx, id).await?);
            (Some(Row::of(blackout, ctx.now())), Some(standing), changes)
        }
        None => (None, None, Vec::new()),
    };
    let form = typed.unwrap_or_else(|| row.as_ref().map_or_else(form::blank, |row| form::of(&row.blackout)));
    let mut offered = offered(&mut tx, &ctx, &form).await?;
    // A group beyond the first ones that is chosen stays chosen.
    for group in row.iter().flat_map(|row| row.blackout.subnet_groups.iter()) {
        if !offered.groups.iter().any(|known| known.id == group.id) {
            offered.groups.push(group.clone());
        }
    }
    let asks_password = id.is_some() && ctx.require_step_up().is_err();
    let title = row.as_ref().map_or_else(|| "Add a blackout window".to_owned(), |row| row.blackout.name.clone());
    let page = page.at(LIST, title).under(TITLE, LIST);
    Ok(One { page, form, row, standing, offered, changes, asks_password })
}

pub(super) async fn new_page(page: Page, signed: SignedIn, State(app): Shared) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::SafetyManage)?;
    let view = view(page, &signed, &app, None, None).await?;
    Ok(ui::render(&view, &view.page))
}

pub(super) async fn create(
    page: Page,
    signed: SignedIn,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut errors = Vec::new();
    let input = NewBlackout {
        name: form.value("name").to_owned(),
        scope: form::scope(&form, &mut errors),
        timing: form::timing(&form, &mut errors),
        reason: form.value("reason").to_owned(),
    };
    let mut tx = app.db.tx("blackouts.create").await?;
    match blackouts::create(&mut tx, &app.ctx(&signed.caller), input).await {
        Ok(blackout) if errors.is_empty() => {
            tx.commit().await?;
            let text = format!("Blackout window {} is added: {}.", blackout.name, blackouts::sentence(&blackout));
            return Ok(flash::redirect(LIST, Tone::Good, &text));
        }
        Ok(_) => {}
        Err(error) => add_new(&mut errors, refused(error)?),
    }
    drop(tx);
    let view = view(page, &signed, &app, None, Some(form.refuse(errors))).await?;
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}

/// What the form could not read is missing to the use case too; it is said once.
fn add_new(errors: &mut Vec<mipo_app::FieldError>, more: Vec<mipo_app::FieldError>) {
    for error in more {
        if !errors.iter().any(|known| known.field == error.field) {
            errors.push(error);
        }
    }
}

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    region: ui::Region,
    Id(id): Id<BlackoutId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let view = view(page, &signed, &app, Some(id), None).await?;
    Ok(match region.name() {
        Some("standing") => ui::render(&view.as_standing(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

/// Stores the form. Less may be held afterwards, so it needs the password.
pub(super) async fn save(
    mut page: Page,
    mut signed: SignedIn,
    client: Client,
    Id(id): Id<BlackoutId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::SafetyManage)?;
    match password::given(&app, &client, &mut page, &mut signed, &form).await? {
        Given::Fresh(cookie) => Ok(password::with_cookie(store(page, &signed, &app, id, form).await, cookie)),
        Given::Refused(errors) => again(page, &signed, &app, id, form.refuse(errors)).await,
    }
}

async fn again(page: Page, signed: &SignedIn, app: &App, id: BlackoutId, form: Form) -> Result<Response, ui::Error> {
    let view = view(page, signed, app, Some(id), Some(form)).await?;
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}

async fn store(page: Page, signed: &SignedIn, app: &App, id: BlackoutId, form: Form) -> Result<Response, ui::Error> {
    let mut errors = Vec::new();
    let patch = BlackoutPatch {
        version: version(&form),
        name: Some(form.value("name").to_owned()),
        scope: form::scope(&form, &mut errors),
        timing: form::timing(&form, &mut errors),
        reason: Some(form.value("reason").to_owned()),
    };
    let mut tx = app.db.tx("blackouts.update").await?;
    match blackouts::update(&mut tx, &app.ctx(&signed.caller), id, patch).await {
        Ok(blackout) if errors.is_empty() => {
            tx.commit().await?;
            let text = format!("Blackout window {} is saved.", blackout.name);
            return Ok(flash::redirect(&path(id), Tone::Good, &text));
        }
        Ok(_) => {}
        Err(error) => add_new(&mut errors, refused(error)?),
    }
    drop(tx);
    again(page, signed, app, id, form.refuse(errors)).await
}
