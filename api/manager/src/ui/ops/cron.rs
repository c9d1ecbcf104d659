//! `/ops/cron`: what runs by the clock: in words, when next, and how it went.
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono_tz::Tz;
use mipo_app::AppError;
use mipo_app::ops::cron as use_cases;
use mipo_app::ops::views::cron::{CronLine, CronRun};
use mipo_app::ops::views::{self, Filter, Test};
use mipo_domain::rights::Right;

use super::reason::{self, Question};
use super::{pictures, tasks};
use crate::http::{Id, Posted};
use crate::lists::encode;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::RowMenu;
use crate::ui::{self, Html, Page, Region, show};

/// The page.
const PATH: &str = "/ops/cron";
const TITLE: &str = "Cron";

/// An entry as it is shown.
struct Row {
    one: CronLine,
}

impl Row {
    fn path(&self, action: &str) -> String {
        format!("{PATH}/{}/{action}", self.one.name)
    }

    fn state(&self) -> Html {
        if self.one.paused { show::labelled("s-hold", "warn", "Paused") } else { show::labelled("s-ok", "good", "On") }
    }

    /// The next ticks by the clock of the entry.
    fn ticks(&self) -> Vec<String> {
        let zone: Tz = self.one.zone.parse().unwrap_or(Tz::UTC);
        self.one.next.iter().map(|at| at.with_timezone(&zone).format("%a %-d %b %Y %H:%M %Z").to_string()).collect()
    }

    fn bars(&self) -> Html {
        let sum = |part: fn(&(i64, i64)) -> i64| self.one.hours.iter().map(part).sum::<i64>();
        let what = format!(
            "{} in the last 24 hours, {} died",
            show::count(sum(|hour| hour.0), "run went well", "runs went well"),
            show::number(sum(|hour| hour.1))
        );
        pictures::hours(&self.one.hours, &what)
    }

    fn tasks(&self) -> String {
        let filter = Filter::all().and(Test::Kind(vec![self.one.kind.clone()]));
        format!("{}?q={}", tasks::PATH, encode(&filter.to_string()))
    }

    fn result(run: &CronRun) -> Html {
        if run.state == "dead" { show::loud(&run.state) } else { show::state(&run.state) }
    }

    fn took(run: &CronRun) -> Option<String> {
        Some(show::between(run.started_at?, run.finished_at?))
    }

    fn has_failed(&self) -> bool {
        self.one.last.as_ref().is_some_and(|run| run.state == "dead")
    }

    fn menu(&self, page: &Page) -> RowMenu {
        let may = page.shell.may(Right::QueuesExecute);
        RowMenu::new(page, format!("cron-{}", self.one.name), &self.one.name)
            .link(self.tasks(), "Open its tasks")
            .keyed("r")
            .post_if(may, self.path("run"), "Run now")
            .keyed("p")
            .post_if(may && self.one.paused, self.path("resume"), "Resume")
            .keyed("p")
            .harm_if(may && !self.one.paused, self.path("pause"), "Pause…")
    }
}

#[derive(Template)]
#[template(path = "ops/cron.html", blocks = ["whole"])]
struct List {
    page: Page,
    rows: Vec<Row>,
}

impl List {
    fn lede(&self) -> String {
        let paused = self.rows.iter().filter(|row| row.one.paused).count();
        let failed = self.rows.iter().filter(|row| row.has_failed()).count();
        let next = self.rows.iter().filter(|row| !row.one.paused).filter_map(|row| Some((row.one.next.first()?, row)));
        let next = next.min_by_key(|(at, _)| **at);
        let next = next.map_or_else(
            || "Nothing ticks.".to_owned(),
            |(at, row)| format!("{} ticks next, at {} UTC.", row.one.name, at.format("%H:%M")),
        );
        let how = match (failed, paused) {
            (0, 0) => "All went well last time.".to_owned(),
            (0, paused) => format!("{paused} paused; the last run of none failed."),
            (failed, 0) => format!("The last run of {failed} failed."),
            (failed, paused) => format!("The last run of {failed} failed; {paused} paused."),
        };
        format!("{} by the clock. {how} {next}", show::count(self.rows.len(), "entry runs", "entries run"))
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
    let mut tx = app.db.look("ops.cron_page").await?;
    let found = views::cron(&mut tx, &app.ctx(&signed.caller)).await?;
    let view = List { page: page.at(PATH, TITLE), rows: found.into_iter().map(|one| Row { one }).collect() };
    Ok(match region.name() {
        Some("cron") => ui::render(&view.as_whole(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

async fn draw(page: Page, app: &App, signed: &SignedIn, name: &str, form: Form) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::QueuesExecute)?;
    let mut tx = app.db.look("ops.pause_cron_page").await?;
    let known = views::cron(&mut tx, &ctx).await?.into_iter().any(|entry| entry.name == name);
    if !known {
        return Err(AppError::NotFound("cron entry").into());
    }
    let question = Question {
        title: format!("Pause {name}?"),
        consequence: "It does not tick until somebody resumes it; ticks of the meantime are not made up for. Run now still works.",
        action: format!("{PATH}/{name}/pause"),
        button: format!("Pause {name}"),
        list: PATH,
        list_title: TITLE,
        back: None,
    };
    Ok(reason::ask(page, question, form))
}

/// Asks why.
pub(super) async fn pause_page(
    page: Page,
    signed: SignedIn,
    Id(name): Id<String>,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    draw(page, &app, &signed, &name, Form::new()).await
}

/// It ticks no more.
pub(super) async fn pause(
    page: Page,
    signed: SignedIn,
    Id(name): Id<String>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.pause_cron").await?;
    match use_cases::pause(&mut tx, &app.ctx(&signed.caller), &name, form.value("reason")).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(flash::redirect(PATH, Tone::Good, &format!("{name} is paused.")))
        }
        Err(AppError::Invalid(errors)) => {
            drop(tx);
            draw(page, &app, &signed, &name, form.refuse(errors)).await
        }
        Err(AppError::Conflict { detail, .. }) => Ok(flash::redirect(PATH, Tone::Bad, &detail)),
        Err(error) => Err(error.into()),
    }
}

/// It goes on with its next tick.
pub(super) async fn resume(
    _page: Page,
    signed: SignedIn,
    Id(name): Id<String>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.resume_cron").await?;
    match use_cases::resume(&mut tx, &app.ctx(&signed.caller), &name, form.value("reason")).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(flash::redirect(PATH, Tone::Good, &format!("{name} goes on with its next tick.")))
        }
        Err(AppError::Conflict { detail, .. }) => Ok(flash::redirect(PATH, Tone::Bad, &detail)),
        Err(error) => Err(error.into()),
    }
}

/// Its task is made now.
pub(super) async fn run(
    _page: Page,
    signed: SignedIn,
    Id(name): Id<String>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.run_cron").await?;
    use_cases::run_now(&mut tx, &app.ctx(&signed.caller), &name, form.value("reason")).await?;
    tx.commit().await?;
    Ok(flash::redirect(PATH, Tone::Good, &format!("{name} runs now; what becomes of it shows here.")))
}
