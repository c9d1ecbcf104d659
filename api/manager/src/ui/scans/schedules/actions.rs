//! What can be done to a schedule besides editing it.
use axum::extract::State;
use axum::response::Response;
use mipo_app::schedules;
use mipo_domain::ids::ScheduleId;
use mipo_domain::rights::Right;

use super::{LIST, TITLE, path};
use crate::http::{Id, Posted};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::cloning::{self, Model};
use crate::ui::config::deletion::{self, Doomed};
use crate::ui::flash::{self, Tone};
use crate::ui::{self, Page};

pub(super) async fn run(
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("schedules.run").await?;
    let started = schedules::run_now(&mut tx, &app.ctx(&signed.caller), id, form.value("reason")).await?;
    tx.commit().await?;
    Ok(match started.as_slice() {
        [scan] => flash::redirect(&format!("/scans/{scan}"), Tone::Good, &format!("Scan #{scan} is asked for.")),
        scans => flash::redirect("/scans/recent", Tone::Good, &format!("{} scans are asked for.", scans.len())),
    })
}

pub(super) async fn enable(signed: SignedIn, id: Id<ScheduleId>, app: State<App>) -> Result<Response, ui::Error> {
    set_enabled(signed, id, app, true).await
}

pub(super) async fn disable(signed: SignedIn, id: Id<ScheduleId>, app: State<App>) -> Result<Response, ui::Error> {
    set_enabled(signed, id, app, false).await
}

async fn set_enabled(
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
    State(app): State<App>,
    enabled: bool,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("schedules.enable").await?;
    let schedule = schedules::enable(&mut tx, &app.ctx(&signed.caller), id, enabled).await?;
    tx.commit().await?;
    let word = if enabled { "runs by itself again" } else { "runs no more by itself" };
    Ok(flash::redirect(&path(id), Tone::Good, &format!("Schedule {} {word}.", schedule.name)))
}

async fn model(app: &App, signed: &SignedIn, id: ScheduleId) -> Result<Model, ui::Error> {
    let mut tx = app.db.read("schedules.clone_page").await?;
    let schedule = schedules::get(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Model {
        kind: "schedule",
        name: schedule.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        takes: "The copy has the same times and templates. It is disabled until you enable it, so that nothing runs twice.",
    })
}

pub(super) async fn clone_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::SchedulesManage)?;
    Ok(cloning::ask(page, model(&app, &signed, id).await?))
}

pub(super) async fn duplicate(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let model = model(&app, &signed, id).await?;
    let mut tx = app.db.tx("schedules.clone").await?;
    let done = match schedules::duplicate(&mut tx, &app.ctx(&signed.caller), id, form.value("name")).await {
        Ok(copy) => {
            tx.commit().await?;
            Ok((copy.name, path(copy.id)))
        }
        Err(error) => Err(error),
    };
    cloning::answer(page, model, form, done)
}

async fn doomed(app: &App, signed: &SignedIn, id: ScheduleId) -> Result<Doomed, ui::Error> {
    let mut tx = app.db.read("schedules.delete_page").await?;
    let schedule = schedules::get(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Doomed {
        kind: "schedule",
        name: schedule.name,
        list: LIST,
        list_title: TITLE,
        path: path(id),
        consequence: "Nothing runs by it any more. Its scans stay with what they found; one that runs goes on.",
        built_in: false,
        users: Vec::new(),
    })
}

pub(super) async fn delete_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::SchedulesManage)?;
    Ok(deletion::ask(page, doomed(&app, &signed, id).await?))
}

pub(super) async fn delete(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let doomed = doomed(&app, &signed, id).await?;
    let mut tx = app.db.tx("schedules.delete").await?;
    let done = match deletion::confirmed(&form, &doomed) {
        Ok(()) => schedules::delete(&mut tx, &app.ctx(&signed.caller), id).await,
        Err(error) => Err(error),
    };
    if done.is_ok() {
        tx.commit().await?;
    }
    deletion::answer(page, doomed, form, done)
}
