//! `/ops/tasks/:id`: one task, live: why it waits, what became of each attempt, and what it was given.
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::TimeDelta;
use mipo_app::AppError;
use mipo_app::ops::arguments;
use mipo_app::ops::views::states::Relative;
use mipo_app::ops::views::task::{MASK, TaskDetail};
use mipo_app::ops::views::waiting::Why;
use mipo_app::ops::views::{self, Count, Filter, Shown, Test};
use mipo_domain::ids::TaskId;
use mipo_domain::rights::Right;
use serde_json::Value;

use super::act::Asks;
use super::can::Can;
use super::tasks;
use super::timeline::{self, Life, Timeline};
use super::why::{self, Check, Fix};
use crate::http::Id;
use crate::lists::encode;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::show::{Html, escape};
use crate::ui::{self, Page, Region, flash, show};

/// A discard can be taken back for so long.
const UNDO: TimeDelta = TimeDelta::hours(24);
/// Attempts whose error and log are on the page.
const TOLD: usize = 10;

/// What is shown of the arguments.
enum Arguments {
    /// Every value masked.
    Masked(Value),
    /// Sealed at rest.
    Sealed,
    /// In clear, after a look that was written down.
    Revealed(Value),
    /// Why they could not be opened.
    Refused(String),
}

#[derive(Template)]
#[template(path = "ops/task.html", blocks = ["whole"])]
struct One {
    page: Page,
    task: TaskDetail,
    can: Can,
    checks: Vec<Check>,
    timeline: Option<Timeline>,
    arguments: Arguments,
    /// Tasks that wait for its group.
    waiting: Vec<Relative>,
    waiting_count: Count,
}

impl One {
    fn lives(&self) -> Vec<Life<'_>> {
        Life::of(&self.task.spans)
    }

    /// The attempts, without what is still to come.
    fn attempts(&self) -> Vec<Life<'_>> {
        self.lives().into_iter().filter(|life| life.span.is_some()).collect()
    }

    fn ended(&self) -> bool {
        self.task.finished_at.is_some()
    }

    fn revealed(&self) -> bool {
        matches!(self.arguments, Arguments::Revealed(_))
    }

    /// Between fetches while nothing is told: workers do not tell of each task.
    fn every(&self) -> &'static str {
        if self.ended() { "10" } else { "1" }
    }

    fn path(&self) -> String {
        format!("/ops/tasks/{}", self.task.id)
    }

    fn said(&self) -> String {
        format!("The task is {}.", self.task.state)
    }

    /// One sentence of how it stands.
    fn lede(&self) -> Html {
        let (task, page) = (&self.task, &self.page);
        let of = format!("attempt {} of {}", task.attempts, task.max_attempts);
        let ended = task.finished_at.map_or_else(show::dash, |at| page.time(at));
        let text = match task.state.as_str() {
            "running" if task.cancel_requested => {
                format!("Somebody asked it to stop; its worker has not obeyed yet. It is {of}.")
            }
            "running" => format!("It runs since {}, {of}.", page.time_or_dash(task.started_at)),
            "done" => format!("It ended well at {ended}, with {of}."),
            "dead" => format!(
                "Dead since {ended}, after {} of {} attempts. {}",
                task.attempts,
                task.max_attempts,
                self.first_line()
            ),
            "cancelled" => {
                format!("It was called off at {ended}, after {} of {} attempts.", task.attempts, task.max_attempts)
            }
            "discarded" => self.discarded(),
            "retrying" => {
                format!("It is tried again {}, after {of} failed. {}", page.ago(task.run_at), self.first_line())
            }
            "scheduled" | "snoozed" => format!("It is due {}, at {}.", page.ago(task.run_at), page.time(task.run_at)),
            _ => format!(
                "It is due since {}; {} of {} attempts are used.",
                page.time(task.run_at.max(task.created_at)),
                task.attempts,
                task.max_attempts
            ),
        };
        Html(text)
    }

    fn discarded(&self) -> String {
        let from = self.task.discarded_from.as_deref().unwrap_or("pending");
        let until = self.task.discarded_at.map(|at| at + UNDO).filter(|until| *until > self.page.shell.now);
        let back = until.map_or_else(
            || "It cannot be brought back any more.".to_owned(),
            |until| format!("It can be brought back until {}.", self.page.time(until)),
        );
        format!(
            "It was set aside at {}, when it was {}. {back}",
            self.page.time_or_dash(self.task.discarded_at),
            escape(from)
        )
    }

    fn first_line(&self) -> String {
        self.task
            .error
            .as_deref()
            .and_then(|error| error.lines().next())
            .map(|line| escape(line) + ".")
            .unwrap_or_default()
    }

    fn can_undo(&self) -> bool {
        self.can.undo && self.task.discarded_at.is_some_and(|at| at + UNDO > self.page.shell.now)
    }

    /// The list of the tasks that failed in the same way.
    fn same_failure(&self) -> Option<String> {
        let fingerprint = self.task.fingerprint.clone()?;
        let filter = Filter::all().and(Test::Fingerprint(vec![fingerprint]));
        Some(format!("{}?q={}", tasks::PATH, encode(&filter.to_string())))
    }

    fn of_kind(&self) -> String {
        format!(
            "{}?q={}",
            tasks::PATH,
            encode(&Filter::all().and(Test::Kind(vec![self.task.kind.clone()])).to_string())
        )
    }

    /// The last attempts that have something to tell, the newest first.
    fn told(&self) -> Vec<Life<'_>> {
        let mut told = self.attempts();
        told.retain(|life| life.attempt().is_some_and(|attempt| attempt.error.is_some() || attempt.log.is_some()));
        told.reverse();
        told.truncate(TOLD);
        told
    }

    fn heading(&self, life: &Life<'_>) -> String {
        let Some(attempt) = life.attempt() else { return String::new() };
        let what = match (attempt.error.is_some(), attempt.log.is_some()) {
            (true, true) => "Error and log",
            (true, false) => "Error",
            _ => "Log",
        };
        format!("{what} of attempt {}", attempt.number)
    }

    fn mark_of(&self, relative: &Relative) -> Html {
        let (icon, tone) = show::look(&relative.state);
        show::mark(icon, tone)
    }

    fn dead_of_queue(&self) -> String {
        let filter = Filter::all().and(Test::Status(vec![Shown::Dead])).and(Test::Queue(vec![self.task.queue.clone()]));
        format!("{}?q={}", tasks::PATH, encode(&filter.to_string()))
    }

    /// The trace of a W3C trace context.
    fn trace(&self) -> Option<&str> {
        self.task.traceparent.as_deref()?.split('-').nth(1)
    }

    fn may_reveal(&self) -> bool {
        self.page.shell.may(Right::TaskArgsView)
    }

    /// The arguments as people read JSON.
    fn json(&self) -> Option<Html> {
        let (value, masked) = match &self.arguments {
            Arguments::Masked(value) => (value, true),
            Arguments::Revealed(value) => (value, false),
            Arguments::Sealed | Arguments::Refused(_) => return None,
        };
        let text = escape(&serde_json::to_string_pretty(value).unwrap_or_default());
        let mask = escape(&format!("\"{MASK}\""));
        Some(Html(if masked { text.replace(&mask, &format!(r#"<span class="masked">{mask}</span>"#)) } else { text }))
    }
}

async fn view(page: Page, signed: &SignedIn, app: &App, id: TaskId) -> Result<One, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.look("ops.task_page").await?;
    let (mut task, why): (TaskDetail, Option<Vec<Why>>) = views::task(&mut tx, &ctx, id).await?;
    let (waiting, waiting_count) = match &task.group {
        Some(group) => views::waiting_for(&mut tx, &ctx, group).await?,
        None => (Vec::new(), Count::default()),
    };
    let page = page.at(tasks::PATH, task.kind.clone()).under("Tasks", tasks::PATH);
    let checks = why.map(|why| why::checks(&page, &task, &why)).unwrap_or_default();
    let timeline = timeline::draw(&Life::of(&task.spans), ctx.now());
    let arguments = task.arguments.take().map_or(Arguments::Sealed, Arguments::Masked);
    let can = Can::of(&page, &task.state, &task.kind, task.cancel_requested);
    Ok(One { page, task, can, checks, timeline, arguments, waiting, waiting_count })
}

/// The page, or its live part.
pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    region: Region,
    Id(id): Id<TaskId>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let view = view(page, &signed, &app, id).await?;
    Ok(match region.name() {
        Some("task") => ui::render(&view.as_whole(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

/// The page with its arguments in clear. It stands still, and is kept nowhere; the look is written down.
pub(super) async fn reveal(
    page: Page,
    signed: SignedIn,
    Id(id): Id<TaskId>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let mut view = view(page, &signed, &app, id).await?;
    let mut tx = app.db.tx("ops.reveal").await?;
    match arguments::reveal(&mut tx, &app.ctx(&signed.caller), &app.sealer, id).await {
        Ok(value) => {
            tx.commit().await?;
            view.arguments = Arguments::Revealed(value);
        }
        Err(AppError::Conflict { detail, .. }) => view.arguments = Arguments::Refused(detail),
        Err(error) => return Err(error.into()),
    }
    Ok(ui::render(&view, &view.page))
}

/// A revealed page that is read again shows the task, masked.
pub(super) async fn hide(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<TaskId>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::TaskArgsView)?;
    Ok(flash::to(&format!("/ops/tasks/{id}")))
}
