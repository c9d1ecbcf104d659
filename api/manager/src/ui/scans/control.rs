//! Pause, resume, cancel, run again: forms of one scan.
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::scans::{self, StartScan, What};
use mipo_app::{AppError, views};
use mipo_domain::ids::ScanId;

use super::detail::Head;
use crate::http::{Id, Posted};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::{self, Page};

#[derive(Template)]
#[template(path = "scans/cancel.html")]
struct CancelPage {
    page: Page,
    head: Head,
    form: Form,
}

async fn cancel_view(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: ScanId,
    form: Form,
) -> Result<CancelPage, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scans.cancel_page").await?;
    let head = Head::read(&mut tx, &ctx, app, id, "cancel").await?;
    let page = page
        .at("/scans/recent", format!("Cancel scan #{id}"))
        .under("Recent", "/scans/recent")
        .under(head.title(), format!("/scans/{id}"));
    Ok(CancelPage { page, head, form })
}

pub(super) async fn cancel_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScanId>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let view = cancel_view(page, &signed, &app, id, Form::new()).await?;
    Ok(ui::render(&view, &view.page))
}

pub(super) async fn cancel(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScanId>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("scans.cancel").await?;
    let done = scans::cancel(&mut tx, &app.ctx(&signed.caller), id, form.value("reason")).await;
    if done.is_ok() {
        tx.commit().await?;
    }
    match done {
        Ok(()) => Ok(flash::redirect(&format!("/scans/{id}"), Tone::Good, &format!("Scan #{id} is being cancelled."))),
        Err(AppError::Invalid(errors)) => {
            let view = cancel_view(page, &signed, &app, id, form.refuse(errors)).await?;
            Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
        }
        Err(AppError::Conflict { detail, .. }) => Ok(flash::redirect(&format!("/scans/{id}"), Tone::Bad, &detail)),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn pause(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<ScanId>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("scans.pause").await?;
    let done = scans::pause(&mut tx, &app.ctx(&signed.caller), id, form.value("reason")).await;
    if done.is_ok() {
        tx.commit().await?;
    }
    back(id, done, "is paused; what the scanners hold is handed back with its place kept.")
}

pub(super) async fn resume(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<ScanId>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("scans.resume").await?;
    let done = scans::resume(&mut tx, &app.ctx(&signed.caller), id, form.value("reason")).await;
    if done.is_ok() {
        tx.commit().await?;
    }
    back(id, done, "goes on where it stopped.")
}

fn back(id: ScanId, done: Result<(), AppError>, words: &str) -> Result<Response, ui::Error> {
    let path = format!("/scans/{id}");
    match done {
        Ok(()) => Ok(flash::redirect(&path, Tone::Good, &format!("Scan #{id} {words}"))),
        Err(AppError::Conflict { detail, .. }) => Ok(flash::redirect(&path, Tone::Bad, &detail)),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn again(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<ScanId>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scans.again").await?;
    let scan = views::scans::get(&mut tx, &ctx, id).await?;
    let input = StartScan { what: What::Template(scan.template_id), reason: format!("again, after #{id}") };
    match scans::start(&mut tx, &ctx, input).await {
        Ok(new) => {
            tx.commit().await?;
            let words = format!("Scan #{new} is asked for; its changes are compared with #{id}.");
            Ok(flash::redirect(&format!("/scans/{new}"), Tone::Good, &words))
        }
        Err(AppError::Invalid(_)) => {
            Ok(flash::redirect(&format!("/scans/{id}"), Tone::Bad, "It cannot run again: its template was deleted."))
        }
        Err(error) => Err(error.into()),
    }
}
