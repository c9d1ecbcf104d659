//! `/ops/bulk`: one action over many tasks: asked for with an exact count, watched, stopped, undone.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use mipo_app::ops::bulk::{self as use_cases, Request};
use mipo_app::ops::views::bulk::BulkOperation;
use mipo_app::ops::views::tasks::{Ask, TaskRow};
use mipo_app::ops::views::{self, Filter, Test};
use mipo_app::{AppError, FieldError};
use mipo_domain::rights::Right;
use uuid::Uuid;

use super::tasks;
use crate::http::{Id, Posted};
use crate::lists::{encode, pairs};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::{self, Page, Region, show};

/// The list of operations.
const PATH: &str = "/ops/bulk";
const TITLE: &str = "Bulk operations";

/// The actions with their words and what they do, in the order of how often they are wanted.
const ACTIONS: &[(&str, &str, &str)] = &[
    ("retry", "Retry", "Dead and cancelled tasks get their attempts once more."),
    ("run_now", "Run now", "Scheduled, retrying and snoozed tasks become due at once."),
    ("reprioritise", "Reprioritise", "Pending tasks move forward or back in their line."),
    ("cancel", "Cancel", "Pending tasks end; workers of running ones are asked to stop."),
    ("discard", "Discard", "Pending, dead and cancelled tasks are set aside. Undone for 24 hours."),
];

/// The word of an action on buttons and in sentences.
fn verb(action: &str) -> &'static str {
    match action {
        "undo_discard" => "Bring back",
        other => ACTIONS.iter().find(|(key, _, _)| *key == other).map_or("Change", |(_, verb, _)| verb),
    }
}

fn harms(action: &str) -> bool {
    matches!(action, "cancel" | "discard")
}

/// What would happen.
struct Tried {
    count: i64,
    sample: Vec<TaskRow>,
}

#[derive(Template)]
#[template(path = "ops/bulk-new.html")]
struct NewPage {
    page: Page,
    form: Form,
    tried: Option<Tried>,
    /// The tasks were picked one by one: so many.
    picked: usize,
}

impl NewPage {
    fn action(&self) -> &str {
        self.form.value("action")
    }

    fn verb(&self) -> &'static str {
        verb(self.action())
    }

    fn harms(&self) -> bool {
        harms(self.action())
    }

    fn actions(&self) -> &'static [(&'static str, &'static str, &'static str)] {
        ACTIONS
    }

    fn back(&self) -> String {
        match self.form.filled("filter").filter(|_| self.picked == 0) {
            Some(filter) => format!("{}?q={}", tasks::PATH, encode(filter)),
            None => tasks::PATH.to_owned(),
        }
    }
}

/// What the address asks for: a filter, or tasks that were picked.
fn asked(raw: Option<&str>) -> (Form, usize) {
    let given = Form::from_pairs(pairs(raw.unwrap_or_default()));
    let picked = if given.ticked("all", "true") { Vec::new() } else { given.all("id") };
    let filter = match picked[..] {
        [] => given.value("q").to_owned(),
        _ => format!("id:{}", picked.join(",")),
    };
    let count = picked.len();
    let form = Form::new().with("filter", filter).with("action", given.value("action"));
    let priority = given.filled("priority").unwrap_or("5");
    (form.with("priority", priority), count)
}

fn request(form: &Form) -> Request<'_> {
    Request {
        action: form.value("action"),
        filter: form.value("filter"),
        priority: form.number("priority").ok().flatten(),
        reason: form.value("reason"),
        expected: form.number("expected").ok().flatten(),
    }
}

/// Counts, unless the form cannot be read; then the form says why.
async fn tried(app: &App, signed: &SignedIn, form: &Form) -> Result<Result<Tried, Vec<FieldError>>, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.look("ops.bulk_dry_run").await?;
    let found = match use_cases::dry_run(&mut tx, &ctx, &request(form)).await {
        Ok(found) => found,
        Err(AppError::Invalid(errors)) => return Ok(Err(errors)),
        Err(error) => return Err(error.into()),
    };
    let sample = match found.sample[..] {
        [] => Vec::new(),
        _ => {
            let ids = found.sample.iter().map(ToString::to_string).collect();
            let ask = Ask { filter: Filter::all().and(Test::Id(ids)), limit: 10, ..Ask::default() };
            views::tasks(&mut tx, &ctx, &ask).await?.items
        }
    };
    Ok(Ok(Tried { count: found.count, sample }))
}

async fn draw(page: Page, app: &App, signed: &SignedIn, form: Form, picked: usize) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::QueuesExecute)?;
    let (mut form, mut found) = (form, None);
    if form.filled("action").is_some() {
        match tried(app, signed, &form).await? {
            Ok(tried) => found = Some(tried),
            Err(errors) if form.has_errors() => drop(errors),
            Err(errors) => form = form.refuse(errors),
        }
    }
    let title = match form.filled("action") {
        Some(action) => format!("{} tasks", verb(action)),
        None => "Act on tasks".to_owned(),
    };
    let page = page.at(PATH, title).under(TITLE, PATH);
    let view = NewPage { page, form, tried: found, picked };
    Ok(ui::render_with(view.form.status(), &view, &view.page))
}

/// Asks what is to be done, counts, and shows some of the tasks.
pub(super) async fn new_page(
    page: Page,
    signed: SignedIn,
    RawQuery(raw): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let (form, picked) = asked(raw.as_deref());
    draw(page, &app, &signed, form, picked).await
}

/// Starts the operation.
pub(super) async fn start(
    page: Page,
    signed: SignedIn,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.start_bulk").await?;
    let errors = match use_cases::start(&mut tx, &app.ctx(&signed.caller), &request(&form)).await {
        Ok(id) => {
            tx.commit().await?;
            return Ok(flash::to(&format!("{PATH}/{id}")));
        }
        Err(AppError::Invalid(errors)) => errors,
        Err(AppError::Conflict { code, detail }) => vec![FieldError::new("", code, detail)],
        Err(error) => return Err(error.into()),
    };
    drop(tx);
    let picked = form.number("picked").ok().flatten().unwrap_or(0);
    draw(page, &app, &signed, form.refuse(errors), picked).await
}

/// An operation as it is shown.
struct Shown {
    one: BulkOperation,
}

impl Shown {
    fn title(&self) -> String {
        let what = show::count(self.one.total_count, "task", "tasks");
        match self.one.action.as_str() {
            "reprioritise" => format!("{} {what} to {}", verb("reprioritise"), self.one.arguments["priority"]),
            action => format!("{} {what}", verb(action)),
        }
    }

    fn path(&self) -> String {
        format!("{PATH}/{}", self.one.id)
    }

    /// Of 1000.
    fn value(&self) -> i64 {
        match self.one.total_count {
            _ if self.one.status == "completed" => 1000,
            0 => 0,
            total => self.seen().min(total) * 1000 / total,
        }
    }

    fn seen(&self) -> i64 {
        self.one.done_count + self.one.refused_count
    }

    fn tone(&self) -> &'static str {
        match self.one.status.as_str() {
            "completed" => "good",
            "failed" => "bad",
            "stopped" | "stopping" => "held warn",
            _ => "run",
        }
    }

    fn took(&self) -> Option<String> {
        Some(show::between(self.one.started_at?, self.one.finished_at?))
    }

    fn filter(&self) -> &str {
        if self.one.filter.is_empty() { "every task" } else { &self.one.filter }
    }

    fn list(&self) -> String {
        format!("{}?q={}", tasks::PATH, encode(&self.one.filter))
    }

    /// It still works, and nobody has stopped it.
    fn can_stop(&self, page: &Page) -> bool {
        page.shell.may(Right::QueuesExecute) && matches!(self.one.status.as_str(), "pending" | "running")
    }

    fn can_undo(&self, page: &Page) -> bool {
        page.shell.may(Right::QueuesExecute)
            && self.one.action == "discard"
            && self.one.has_ended()
            && self.one.done_count > 0
            && self.one.undo_until.is_some_and(|until| until > page.shell.now)
    }

    /// One sentence of how it stands.
    fn lede(&self) -> String {
        let (done, one) = (show::count(self.one.done_count, "task", "tasks"), &self.one);
        match one.status.as_str() {
            "pending" => "It waits for its turn; a worker begins with it in a moment.".to_owned(),
            "running" => format!("{done} so far. It goes on while nobody looks, and after a restart where it was."),
            "stopping" => format!("{done} so far. It stops after the batch that it is in."),
            "stopped" => format!("Somebody stopped it after {done}. What was done stays."),
            "failed" => format!("It gave up after {done}. The task that worked on it has the error."),
            _ => format!("{done} changed."),
        }
    }

    fn every(&self) -> &'static str {
        if self.one.has_ended() { "30" } else { "1" }
    }

    fn said(&self) -> String {
        format!("The operation is {}.", self.one.status)
    }
}

#[derive(Template)]
#[template(path = "ops/bulk.html", blocks = ["rows"])]
struct List {
    page: Page,
    operations: Vec<Shown>,
}

/// The newest operations.
pub(super) async fn list(
    page: Page,
    signed: SignedIn,
    region: Region,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.look("ops.bulk_page").await?;
    let operations = views::bulks(&mut tx, &ctx).await?.into_iter().map(|one| Shown { one }).collect();
    let view = List { page: page.at(PATH, TITLE), operations };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

#[derive(Template)]
#[template(path = "ops/bulk-one.html", blocks = ["whole"])]
struct One {
    page: Page,
    operation: Shown,
}

async fn read(app: &App, signed: &SignedIn, id: Uuid) -> Result<Shown, ui::Error> {
    let mut tx = app.db.look("ops.bulk_one").await?;
    Ok(Shown { one: views::bulk(&mut tx, &app.ctx(&signed.caller), id).await? })
}

/// One operation, live.
pub(super) async fn one(
    page: Page,
    signed: SignedIn,
    region: Region,
    Id(id): Id<Uuid>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let operation = read(&app, &signed, id).await?;
    let view = One { page: page.at(PATH, operation.title()).under(TITLE, PATH), operation };
    Ok(match region.name() {
        Some("operation") => ui::render(&view.as_whole(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

/// Stops it after its batch.
pub(super) async fn stop(
    _page: Page,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.stop_bulk").await?;
    let path = format!("{PATH}/{id}");
    match use_cases::stop(&mut tx, &app.ctx(&signed.caller), id, form.value("reason")).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(flash::redirect(&path, Tone::Warn, "The operation stops; what it has done stays."))
        }
        Err(AppError::Conflict { detail, .. }) => Ok(flash::redirect(&path, Tone::Bad, &detail)),
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "ops/bulk-undo.html")]
struct UndoPage {
    page: Page,
    form: Form,
    operation: Shown,
}

async fn ask_undo(page: Page, app: &App, signed: &SignedIn, id: Uuid, form: Form) -> Result<Response, ui::Error> {
    app.ctx(&signed.caller).require(Right::QueuesExecute)?;
    let operation = read(app, signed, id).await?;
    let page = page.at(PATH, "Undo this discard?").under(TITLE, PATH).under(operation.title(), operation.path());
    let view = UndoPage { page, form, operation };
    Ok(ui::render_with(view.form.status(), &view, &view.page))
}

/// Asks for a reason.
pub(super) async fn undo_page(
    page: Page,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    ask_undo(page, &app, &signed, id, Form::new()).await
}

/// Brings back what it discarded, by another operation.
pub(super) async fn undo(
    page: Page,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.undo_bulk").await?;
    match use_cases::undo(&mut tx, &app.ctx(&signed.caller), id, form.value("reason")).await {
        Ok(undo) => {
            tx.commit().await?;
            Ok(flash::to(&format!("{PATH}/{undo}")))
        }
        Err(AppError::Invalid(errors)) => {
            drop(tx);
            ask_undo(page, &app, &signed, id, form.refuse(errors)).await
        }
        Err(AppError::Conflict { detail, .. }) => Ok(flash::redirect(&format!("{PATH}/{id}"), Tone::Bad, &detail)),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_asked_for_by_filter_or_one_by_one() {
        let (form, picked) = asked(Some("q=status:dead&id=a&id=b&action=retry"));
        assert_eq!((form.value("filter"), form.value("action"), picked), ("id:a,b", "retry", 2));
        let (form, picked) = asked(Some("q=status:dead&id=a&all=true"));
        assert_eq!((form.value("filter"), form.value("action"), picked), ("status:dead", "", 0));
    }
}
