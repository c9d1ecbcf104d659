//! What can be done to one scanner besides editing it.
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::AppError;
use mipo_app::scanners::{self, DRAIN_MINUTES, Scanner};
use mipo_domain::ids::ScannerId;
use mipo_domain::rights::Right;

use super::{LIST, TITLE, path};
use crate::http::{Id, Posted};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::{Shared, refused, step_up};
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::{self, Page};

/// A question before something that is not undone by a click.
#[derive(Template)]
#[template(path = "config/scanner-ask.html")]
struct AskPage {
    page: Page,
    form: Form,
    scanner: Scanner,
    action: &'static str,
    verb: &'static str,
    consequence: &'static str,
    with_reason: bool,
}

async fn ask(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: ScannerId,
    action: &'static str,
    form: Form,
) -> Result<AskPage, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::ScannersManage)?;
    let mut tx = app.db.read("scanners.ask").await?;
    let scanner = scanners::get(&mut tx, &ctx, id).await?;
    let (verb, consequence, with_reason) = match action {
        "disable" => (
            "Disable",
            "Its calls are refused from now on and it gets no jobs. What it works on is handed back when its lease ends. \
             Enabling it again takes one click.",
            true,
        ),
        _ => (
            "Rotate the key of",
            "It fetches a new key with its next heartbeat. The old one works until 15 minutes after the first use of the \
             new one, 24 hours at most.",
            false,
        ),
    };
    let page =
        page.at(LIST, format!("{verb} {}?", scanner.name)).under(TITLE, LIST).under(scanner.name.clone(), path(id));
    Ok(AskPage { page, form, scanner, action, verb, consequence, with_reason })
}

pub async fn disable_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let view = ask(page, &signed, &app, id, "disable", Form::new()).await?;
    Ok(ui::render(&view, &view.page))
}

pub async fn disable(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("scanners.disable").await?;
    match scanners::disable(&mut tx, &app.ctx(&signed.caller), id, form.value("reason")).await {
        Ok(scanner) => {
            tx.commit().await?;
            Ok(flash::redirect(&path(id), Tone::Warn, &format!("Scanner {} is disabled.", scanner.name)))
        }
        Err(error) => {
            let errors = refused(error)?;
            drop(tx);
            let view = ask(page, &signed, &app, id, "disable", form.refuse(errors)).await?;
            Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
        }
    }
}

pub async fn rotate_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let view = ask(page, &signed, &app, id, "rotate-key", Form::new()).await?;
    if let Some(response) = step_up(&app.ctx(&signed.caller), &format!("{}/rotate-key", path(id))) {
        return Ok(response);
    }
    Ok(ui::render(&view, &view.page))
}

pub async fn rotate(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    if let Some(response) = step_up(&ctx, &format!("{}/rotate-key", path(id))) {
        return Ok(response);
    }
    let mut tx = app.db.tx("scanners.rotate_key").await?;
    let done = scanners::rotate_key(&mut tx, &ctx, id).await;
    if done.is_ok() {
        tx.commit().await?;
    }
    told(id, done, |scanner| format!("{} takes a new key with its next heartbeat.", scanner.name))
}

pub async fn enable(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("scanners.enable").await?;
    let done = scanners::enable(&mut tx, &app.ctx(&signed.caller), id).await;
    if done.is_ok() {
        tx.commit().await?;
    }
    told(id, done, |scanner| format!("{} is enabled; its next heartbeat makes it active.", scanner.name))
}

pub async fn drain(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("scanners.drain").await?;
    let done = scanners::drain(&mut tx, &app.ctx(&signed.caller), id, DRAIN_MINUTES).await;
    if done.is_ok() {
        tx.commit().await?;
    }
    told(id, done, |scanner| format!("{} gets no new jobs for 24 hours; what it works on goes on.", scanner.name))
}

pub async fn undrain(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("scanners.undrain").await?;
    let done = scanners::undrain(&mut tx, &app.ctx(&signed.caller), id).await;
    if done.is_ok() {
        tx.commit().await?;
    }
    told(id, done, |scanner| format!("{} gets new jobs again.", scanner.name))
}

pub async fn bind(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("scanners.bind").await?;
    match scanners::bind(&mut tx, &app.ctx(&signed.caller), id, None, form.filled("ip")).await {
        Ok(scanner) => {
            tx.commit().await?;
            let ip = scanner.bound_ip.as_deref().unwrap_or("no address");
            Ok(flash::redirect(&path(id), Tone::Good, &format!("{} is bound to {ip}.", scanner.name)))
        }
        Err(error) => {
            let errors = refused(error)?;
            drop(tx);
            super::detail::draw(page, &signed, &app, id, Some(form.refuse(errors))).await
        }
    }
}

pub async fn release_binding(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("scanners.release_binding").await?;
    let done = scanners::release_binding(&mut tx, &app.ctx(&signed.caller), id).await;
    if done.is_ok() {
        tx.commit().await?;
    }
    told(id, done, |scanner| format!("{} is bound anew with its next heartbeat.", scanner.name))
}

/// Back to the scanner, with what happened.
fn told(
    id: ScannerId,
    done: Result<Scanner, AppError>,
    words: impl FnOnce(&Scanner) -> String,
) -> Result<Response, ui::Error> {
    match done {
        Ok(scanner) => Ok(flash::redirect(&path(id), Tone::Good, &words(&scanner))),
        Err(AppError::Conflict { detail, .. } | AppError::Refused { detail, .. }) => {
            Ok(flash::redirect(&path(id), Tone::Bad, &detail))
        }
        Err(error) => Err(error.into()),
    }
}
