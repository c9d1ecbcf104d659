//! `/config/scanners/:id`: one scanner, live.
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::scanners::{self, KeyRotation, ScannerEvent, ScannerPatch};
use mipo_domain::ids::ScannerId;
use mipo_domain::rights::Right;

use super::{BINDINGS, LIST, Row, TITLE, path};
use crate::http::{Id, Posted};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::changes::{self, Shown};
use crate::ui::config::deletion::{self, Doomed};
use crate::ui::config::{Shared, number, refused, version};
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::{self, Page, Region, show};

/// Events and keys shown on the page.
const SHOWN: usize = 10;

#[derive(Template)]
#[template(path = "config/scanner.html", blocks = ["standing", "actions"])]
struct One {
    page: Page,
    form: Form,
    row: Row,
    events: Vec<ScannerEvent>,
    keys: Vec<KeyRotation>,
    changes: Vec<Shown>,
    bindings: &'static [(&'static str, &'static str)],
}

impl One {
    fn can_manage(&self) -> bool {
        self.page.shell.may(Right::ScannersManage)
    }
}

/// Draws the page; with what was typed after a refusal.
pub(super) async fn draw(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: ScannerId,
    typed: Option<Form>,
) -> Result<Response, ui::Error> {
    let view = view(page, signed, app, id, typed).await?;
    let status = if view.form.has_errors() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(ui::render_with(status, &view, &view.page))
}

async fn view(page: Page, signed: &SignedIn, app: &App, id: ScannerId, typed: Option<Form>) -> Result<One, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scanners.page").await?;
    let scanner = scanners::get(&mut tx, &ctx, id).await?;
    let mut events = scanners::events(&mut tx, &ctx, id).await?;
    events.truncate(SHOWN);
    let mut keys = scanners::key_history(&mut tx, &ctx, id).await?;
    keys.truncate(SHOWN);
    let changes = changes::shown(scanners::history(&mut tx, &ctx, id).await?);
    let mut form = Form::new()
        .with("name", scanner.name.clone())
        .with("description", scanner.description.clone())
        .with("bindingMode", scanner.binding_mode.clone())
        .with("maxConcurrentJobs", scanner.max_concurrent_jobs.to_string());
    if scanner.rate_limit > 0 {
        form = form.with("rateLimit", scanner.rate_limit.to_string());
    }
    // The form of the binding holds one field: the others show what is stored.
    let form = match typed {
        Some(typed) if typed.filled("name").is_none() && typed.filled("version").is_none() => form.adopt(typed),
        Some(typed) => typed,
        None => form,
    };
    let page = page.at(LIST, scanner.name.clone()).under(TITLE, LIST);
    let row = Row { scanner, now: ctx.now() };
    Ok(One { page, form, row, events, keys, changes, bindings: BINDINGS })
}

/// The page. Looking at a scanner is written down, once for the page and not for each of its updates.
pub async fn page(
    page: Page,
    signed: SignedIn,
    region: Region,
    Id(id): Id<ScannerId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    if region.name().is_none() {
        let mut tx = app.db.tx("scanners.view").await?;
        scanners::view(&mut tx, &app.ctx(&signed.caller), id).await?;
        tx.commit().await?;
    }
    let view = view(page, &signed, &app, id, None).await?;
    Ok(match region.name() {
        Some("standing") => ui::render(&view.as_standing(), &view.page),
        Some("actions") => ui::render(&view.as_actions(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

pub async fn save(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut errors = Vec::new();
    let patch = ScannerPatch {
        version: version(&form),
        name: Some(form.value("name").to_owned()),
        description: Some(form.value("description").to_owned()),
        binding_mode: Some(form.value("bindingMode").to_owned()),
        rate_limit: Some(number(&form, "rateLimit", &mut errors)),
        max_concurrent_jobs: Some(number(&form, "maxConcurrentJobs", &mut errors)),
    };
    let mut tx = app.db.tx("scanners.update").await?;
    match scanners::update(&mut tx, &app.ctx(&signed.caller), id, patch).await {
        Ok(scanner) if errors.is_empty() => {
            tx.commit().await?;
            return Ok(flash::redirect(&path(id), Tone::Good, &format!("Scanner {} is saved.", scanner.name)));
        }
        Ok(_) => {}
        Err(error) => errors.extend(refused(error)?),
    }
    drop(tx);
    draw(page, &signed, &app, id, Some(form.refuse(errors))).await
}

async fn doomed(app: &App, signed: &SignedIn, id: ScannerId) -> Result<Doomed, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::ScannersManage)?;
    let mut tx = app.db.read("scanners.delete_page").await?;
    let scanner = scanners::get(&mut tx, &ctx, id).await?;
    Ok(Doomed {
        kind: "scanner",
        name: scanner.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        consequence: "Its key stops to work at once. What it found stays, with its history and its receipts.",
        built_in: false,
        users: scanners::users(&mut tx, &ctx, id).await?,
    })
}

pub async fn delete_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    Ok(deletion::ask(page, doomed(&app, &signed, id).await?))
}

pub async fn delete(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let doomed = doomed(&app, &signed, id).await?;
    let mut tx = app.db.tx("scanners.delete").await?;
    let done = match deletion::confirmed(&form, &doomed) {
        Ok(()) => scanners::delete(&mut tx, &app.ctx(&signed.caller), id).await,
        Err(error) => Err(error),
    };
    if done.is_ok() {
        tx.commit().await?;
    }
    deletion::answer(page, doomed, form, done)
}
