//! What can be done to a blackout window besides editing it.
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::blackouts;
use mipo_domain::ids::BlackoutId;
use mipo_domain::rights::Right;

use super::{LIST, Row, TITLE, path};
use crate::http::{Id, Posted};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::cloning::{self, Model};
use crate::ui::config::deletion::{self, Doomed};
use crate::ui::config::{Shared, refused, step_up};
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::{self, Page};

#[derive(Template)]
#[template(path = "config/blackout-disable.html")]
struct DisablePage {
    page: Page,
    form: Form,
    row: Row,
}

async fn disable_view(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: BlackoutId,
    form: Form,
) -> Result<DisablePage, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::SafetyManage)?;
    let mut tx = app.db.read("blackouts.disable_page").await?;
    let row = Row::of(blackouts::get(&mut tx, &ctx, id).await?, ctx.now());
    let page = page
        .at(LIST, format!("Disable {}?", row.blackout.name))
        .under(TITLE, LIST)
        .under(row.blackout.name.clone(), path(id));
    Ok(DisablePage { page, form, row })
}

pub(super) async fn disable_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<BlackoutId>,
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
    Id(id): Id<BlackoutId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    if let Some(response) = step_up(&ctx, &format!("{}/disable", path(id))) {
        return Ok(response);
    }
    let mut tx = app.db.tx("blackouts.disable").await?;
    match blackouts::set_enabled(&mut tx, &ctx, id, false, form.value("reason")).await {
        Ok(blackout) => {
            tx.commit().await?;
            let text = format!("Blackout window {} does not hold any more.", blackout.name);
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
    Id(id): Id<BlackoutId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("blackouts.enable").await?;
    let blackout = blackouts::set_enabled(&mut tx, &app.ctx(&signed.caller), id, true, "").await?;
    tx.commit().await?;
    Ok(flash::redirect(&path(id), Tone::Good, &format!("Blackout window {} holds again at its times.", blackout.name)))
}

async fn model(app: &App, signed: &SignedIn, id: BlackoutId) -> Result<Model, ui::Error> {
    let mut tx = app.db.read("blackouts.clone_page").await?;
    let it = blackouts::get(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Model {
        kind: "blackout window",
        name: it.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        takes: "The copy holds the same targets at the same times, at once; change what should differ.",
    })
}

pub(super) async fn clone_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<BlackoutId>,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    Ok(cloning::ask(page, model(&app, &signed, id).await?))
}

pub(super) async fn duplicate(
    page: Page,
    signed: SignedIn,
    Id(id): Id<BlackoutId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let model = model(&app, &signed, id).await?;
    let mut tx = app.db.tx("blackouts.clone").await?;
    let done = match blackouts::duplicate(&mut tx, &app.ctx(&signed.caller), id, form.value("name")).await {
        Ok(copy) => {
            tx.commit().await?;
            Ok((copy.name, path(copy.id)))
        }
        Err(error) => Err(error),
    };
    cloning::answer(page, model, form, done)
}

async fn doomed(app: &App, signed: &SignedIn, id: BlackoutId) -> Result<Doomed, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("blackouts.delete_page").await?;
    let it = blackouts::get(&mut tx, &ctx, id).await?;
    Ok(Doomed {
        kind: "blackout window",
        name: it.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        consequence: "What it holds goes on at once, unless another window holds it. Scans and results of the past stay.",
        built_in: false,
        users: Vec::new(),
    })
}

pub(super) async fn delete_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<BlackoutId>,
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
    Id(id): Id<BlackoutId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    if let Some(response) = step_up(&app.ctx(&signed.caller), &format!("{}/delete", path(id))) {
        return Ok(response);
    }
    let doomed = doomed(&app, &signed, id).await?;
    let mut tx = app.db.tx("blackouts.delete").await?;
    let done = match deletion::confirmed(&form, &doomed) {
        Ok(()) => blackouts::delete(&mut tx, &app.ctx(&signed.caller), id).await,
        Err(error) => Err(error),
    };
    if done.is_ok() {
        tx.commit().await?;
    }
    deletion::answer(page, doomed, form, done)
}
