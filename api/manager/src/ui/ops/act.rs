//! What people do to one task. The forms come from its page or from its row in a list, and lead back there.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use mipo_app::ops::{queues, tasks as use_cases};
use mipo_app::{AppError, FieldError};
use mipo_domain::ids::TaskId;
use mipo_domain::rights::Right;

use super::{tasks, words};
use crate::http::{Id, Posted};
use crate::lists::pairs;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::auth::own_path;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::{self, Page};

/// Priorities to choose from.
pub(crate) const PRIORITIES: &[(&str, &str)] = &[
    ("9", "9, first"),
    ("8", "8"),
    ("7", "7"),
    ("6", "6"),
    ("5", "5"),
    ("4", "4"),
    ("3", "3"),
    ("2", "2"),
    ("1", "1"),
    ("0", "0, as usual"),
];

/// A question before a task is changed: what, in which words, and whether a reason must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Called off.
    Cancel,
    /// Set aside.
    Discard,
    /// Another place in the line.
    Priority,
}

impl Asks {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Cancel, Self::Discard, Self::Priority];

    /// The last part of its address, and the id of its dialog.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Discard => "discard",
            Self::Priority => "priority",
        }
    }

    /// What the question begins with, and the button.
    pub(crate) const fn verb(self) -> &'static str {
        match self {
            Self::Cancel => "Cancel",
            Self::Discard => "Discard",
            Self::Priority => "Reprioritise",
        }
    }

    /// What becomes of the task.
    pub(crate) const fn consequence(self) -> &'static str {
        match self {
            Self::Cancel => {
                "If it waits it ends at once; if it runs, its worker is asked to stop. A cancelled task can be retried."
            }
            Self::Discard => "It is set aside and will not run. A discard can be undone for 24 hours.",
            Self::Priority => "Higher goes first. Every task moves forward as it ages, so that nothing starves.",
        }
    }

    /// It takes something away.
    pub(crate) const fn harms(self) -> bool {
        matches!(self, Self::Cancel | Self::Discard)
    }
}

#[derive(Template)]
#[template(path = "ops/task-ask.html")]
struct AskPage {
    page: Page,
    form: Form,
    id: TaskId,
    asks: Asks,
}

/// Where a form leads back to: the list that it came from, else the task.
fn back(form: &Form, id: TaskId) -> String {
    form.filled("back").map(own_path).filter(|path| *path != "/").map_or_else(|| path(id), str::to_owned)
}

fn path(id: TaskId) -> String {
    format!("{}/{id}", tasks::PATH)
}

async fn ask(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: TaskId,
    asks: Asks,
    form: Form,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::QueuesExecute)?;
    let mut tx = app.db.look("ops.ask").await?;
    let (task, _) = mipo_app::ops::views::task(&mut tx, &ctx, id).await?;
    let name = format!("{} {}", task.kind, words::short_id(id));
    let page =
        page.at(tasks::PATH, format!("{} {name}?", asks.verb())).under("Tasks", tasks::PATH).under(task.kind, path(id));
    let form = if form.filled("priority").is_none() { form.set("priority", task.priority.to_string()) } else { form };
    let view = AskPage { page, form, id, asks };
    Ok(ui::render_with(view.form.status(), &view, &view.page))
}

fn asked_from(raw: Option<&str>) -> Form {
    let back = pairs(raw.unwrap_or_default()).into_iter().find(|(name, _)| name == "back");
    Form::from_pairs(back)
}

macro_rules! ask_pages {
    ($($name:ident => $asks:expr),+) => {$(
        pub(super) async fn $name(
            page: Page,
            signed: SignedIn,
            Id(id): Id<TaskId>,
            RawQuery(raw): RawQuery,
            State(app): State<App>,
        ) -> Result<Response, ui::Error> {
            ask(page, &signed, &app, id, $asks, asked_from(raw.as_deref())).await
        }
    )+};
}

ask_pages!(cancel_page => Asks::Cancel, discard_page => Asks::Discard, priority_page => Asks::Priority);

pub(super) async fn cancel(
    page: Page,
    signed: SignedIn,
    Id(id): Id<TaskId>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.cancel_task").await?;
    match use_cases::cancel(&mut tx, &app.ctx(&signed.caller), id, form.value("reason")).await {
        Ok(at_once) => {
            tx.commit().await?;
            let words = if at_once { "The task is cancelled." } else { "Its worker is asked to stop." };
            Ok(flash::redirect(&back(&form, id), Tone::Good, words))
        }
        Err(error) => {
            drop(tx);
            refused(page, &signed, &app, id, Asks::Cancel, form, error).await
        }
    }
}

pub(super) async fn discard(
    page: Page,
    signed: SignedIn,
    Id(id): Id<TaskId>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.discard_task").await?;
    match use_cases::discard(&mut tx, &app.ctx(&signed.caller), id, form.value("reason")).await {
        Ok(()) => {
            tx.commit().await?;
            let words = "The task is discarded; it can be brought back for 24 hours.";
            Ok(flash::redirect(&back(&form, id), Tone::Good, words))
        }
        Err(error) => {
            drop(tx);
            refused(page, &signed, &app, id, Asks::Discard, form, error).await
        }
    }
}

pub(super) async fn priority(
    page: Page,
    signed: SignedIn,
    Id(id): Id<TaskId>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::QueuesExecute)?;
    let wanted = match form.number::<i64>("priority") {
        Ok(Some(priority)) => Ok(priority),
        Ok(None) => Err(FieldError::new("priority", "required", "Choose a priority from 0 to 9.")),
        Err(error) => Err(error),
    };
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(error) => return ask(page, &signed, &app, id, Asks::Priority, form.refuse(vec![error])).await,
    };
    let mut tx = app.db.tx("ops.set_priority").await?;
    match use_cases::set_priority(&mut tx, &ctx, id, wanted, form.value("reason")).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(flash::redirect(&back(&form, id), Tone::Good, &format!("The task has priority {wanted}.")))
        }
        Err(error) => {
            drop(tx);
            refused(page, &signed, &app, id, Asks::Priority, form, error).await
        }
    }
}

/// Shows the form again with what was wrong in it; what no form can mend is told where it came from.
async fn refused(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: TaskId,
    asks: Asks,
    form: Form,
    error: AppError,
) -> Result<Response, ui::Error> {
    match error {
        AppError::Invalid(errors) => ask(page, signed, app, id, asks, form.refuse(errors)).await,
        AppError::Conflict { detail, .. } => Ok(flash::redirect(&back(&form, id), Tone::Bad, &detail)),
        other => Err(other.into()),
    }
}

pub(super) async fn retry(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<TaskId>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.retry_task").await?;
    let done = use_cases::retry(&mut tx, &app.ctx(&signed.caller), id, form.value("reason")).await;
    if done.is_ok() {
        tx.commit().await?;
    }
    told(&form, id, done, "The task is tried again.")
}

pub(super) async fn run_now(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<TaskId>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.run_task_now").await?;
    let done = use_cases::run_now(&mut tx, &app.ctx(&signed.caller), id, form.value("reason")).await;
    if done.is_ok() {
        tx.commit().await?;
    }
    told(&form, id, done, "The task is due now.")
}

pub(super) async fn undo(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<TaskId>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.undo_discard").await?;
    let done = use_cases::undo(&mut tx, &app.ctx(&signed.caller), id, form.value("reason")).await;
    if done.is_ok() {
        tx.commit().await?;
    }
    told(&form, id, done, "The task is back.")
}

/// Lets the paused queue of the task go on, from the page that says that it is why the task waits.
pub(super) async fn resume_queue(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<TaskId>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::QueuesExecute)?;
    let mut tx = app.db.tx("ops.resume_queue").await?;
    let (task, _) = mipo_app::ops::views::task(&mut tx, &ctx, id).await?;
    let done = queues::resume(&mut tx, &ctx, &task.queue, form.value("reason")).await.map(drop);
    if done.is_ok() {
        tx.commit().await?;
    }
    told(&form, id, done, &format!("Queue {} goes on.", task.queue))
}

fn told(form: &Form, id: TaskId, done: Result<(), AppError>, words: &str) -> Result<Response, ui::Error> {
    let back = back(form, id);
    match done {
        Ok(()) => Ok(flash::redirect(&back, Tone::Good, words)),
        Err(AppError::Conflict { detail, .. }) => Ok(flash::redirect(&back, Tone::Bad, &detail)),
        Err(error) => Err(error.into()),
    }
}
