//! `/ops/workers`: the processes that work on the queues, what each runs now, and which are lost.
use std::fmt::Write as _;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use mipo_app::AppError;
use mipo_app::ops::views::workers::{RunningTask, Worker, WorkerState};
use mipo_app::ops::views::{self, Filter, Test};
use mipo_app::ops::workers as use_cases;
use mipo_domain::rights::Right;

use super::reason::{self, Question};
use super::tasks;
use crate::http::{Id, Posted};
use crate::lists::encode;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::RowMenu;
use crate::ui::{self, Html, Page, Region, show};

/// The page.
const PATH: &str = "/ops/workers";
const TITLE: &str = "Workers";
/// Running tasks that a row names.
const NAMED: usize = 3;

/// A worker as it is shown.
struct Row {
    one: Worker,
}

impl Row {
    fn state(&self) -> Html {
        let (icon, tone, word) = match self.one.state {
            WorkerState::Live => ("s-ok", "good", "Live"),
            WorkerState::Draining => ("s-drain", "warn", "Draining"),
            WorkerState::Lost => ("s-off", "bad loud", "Lost"),
            WorkerState::Stopped => ("s-stop", "idle", "Stopped"),
        };
        show::labelled(icon, tone, word)
    }

    fn queues(&self) -> String {
        self.one.queues.join(", ")
    }

    /// The tasks that it runs, or that it held last.
    fn tasks(&self) -> String {
        let filter = Filter::all().and(Test::Worker(vec![self.one.id.clone()]));
        format!("{}?q={}", tasks::PATH, encode(&filter.to_string()))
    }

    fn named(&self) -> &[RunningTask] {
        self.one.running.get(..NAMED).unwrap_or(&self.one.running)
    }

    fn others(&self) -> usize {
        self.one.running.len() - self.named().len()
    }

    fn menu(&self, page: &Page) -> RowMenu {
        let (no, state) = (self.one.no, self.one.state);
        let may = page.shell.may(Right::QueuesExecute);
        RowMenu::new(page, format!("worker-{no}"), format!("worker {}", self.one.name))
            .link(self.tasks(), "Open its tasks")
            .keyed("p")
            .post_if(may && state == WorkerState::Draining, format!("{PATH}/{no}/undrain"), "Take work again")
            .keyed("p")
            .harm_if(may && state == WorkerState::Live, format!("{PATH}/{no}/drain"), "Drain…")
    }
}

#[derive(Template)]
#[template(path = "ops/workers.html", blocks = ["whole"])]
struct List {
    page: Page,
    workers: Vec<Row>,
    stopped: Vec<Row>,
}

impl List {
    fn count(&self, state: WorkerState) -> usize {
        self.workers.iter().filter(|row| row.one.state == state).count()
    }

    fn lede(&self) -> String {
        let (live, draining) = (self.count(WorkerState::Live), self.count(WorkerState::Draining));
        let running: usize = self.workers.iter().map(|row| row.one.running.len()).sum();
        let slots: i64 = self
            .workers
            .iter()
            .filter(|row| row.one.state == WorkerState::Live)
            .map(|row| i64::from(row.one.slots))
            .sum();
        let lost = self.count(WorkerState::Lost);
        let mut out = match live {
            0 => "No process works on the queues: tasks wait until one starts.".to_owned(),
            _ => format!(
                "{} on the queues, with {}; {} now.",
                show::count(live, "process works", "processes work"),
                show::count(slots, "slot", "slots"),
                show::count(running, "task runs", "tasks run")
            ),
        };
        if draining > 0 {
            let _ = write!(out, " {} no new work.", show::count(draining, "more takes", "more take"));
        }
        if lost > 0 {
            let _ = write!(out, " {} lost.", show::count(lost, "worker is", "workers are"));
        }
        out
    }

    fn menu(&self, row: &Row) -> RowMenu {
        row.menu(&self.page)
    }
}

/// The page, or all of it below the bar.
pub(super) async fn list(
    page: Page,
    signed: SignedIn,
    region: Region,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.look("ops.workers_page").await?;
    let found = views::workers(&mut tx, &app.ctx(&signed.caller)).await?;
    let (stopped, workers) =
        found.into_iter().map(|one| Row { one }).partition(|row| row.one.state == WorkerState::Stopped);
    let view = List { page: page.at(PATH, TITLE), workers, stopped };
    Ok(match region.name() {
        Some("workers") => ui::render(&view.as_whole(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

async fn draw(page: Page, app: &App, signed: &SignedIn, no: i32, form: Form) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::QueuesExecute)?;
    let mut tx = app.db.look("ops.drain_page").await?;
    let found = views::workers(&mut tx, &ctx).await?.into_iter().find(|worker| worker.no == no);
    let worker = found.ok_or(AppError::NotFound("worker"))?;
    let question = Question {
        title: format!("Drain worker {} on {}?", worker.name, worker.host),
        consequence: "It finishes what it runs and takes nothing new, until you let it work again or it is started anew.",
        action: format!("{PATH}/{no}/drain"),
        button: "Drain worker".to_owned(),
        list: PATH,
        list_title: TITLE,
        back: None,
    };
    Ok(reason::ask(page, question, form))
}

/// Asks why.
pub(super) async fn drain_page(
    page: Page,
    signed: SignedIn,
    Id(no): Id<i32>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    draw(page, &app, &signed, no, Form::new()).await
}

/// It takes nothing new.
pub(super) async fn drain(
    page: Page,
    signed: SignedIn,
    Id(no): Id<i32>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.drain_worker").await?;
    match use_cases::drain(&mut tx, &app.ctx(&signed.caller), no, true, form.value("reason")).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(flash::redirect(PATH, Tone::Good, "The worker finishes what it runs and takes nothing new."))
        }
        Err(AppError::Invalid(errors)) => {
            drop(tx);
            draw(page, &app, &signed, no, form.refuse(errors)).await
        }
        Err(AppError::Conflict { detail, .. }) => Ok(flash::redirect(PATH, Tone::Bad, &detail)),
        Err(error) => Err(error.into()),
    }
}

/// It takes work again.
pub(super) async fn undrain(
    _page: Page,
    signed: SignedIn,
    Id(no): Id<i32>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.undrain_worker").await?;
    match use_cases::drain(&mut tx, &app.ctx(&signed.caller), no, false, form.value("reason")).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(flash::redirect(PATH, Tone::Good, "The worker takes work again."))
        }
        Err(AppError::Conflict { detail, .. }) => Ok(flash::redirect(PATH, Tone::Bad, &detail)),
        Err(error) => Err(error.into()),
    }
}
