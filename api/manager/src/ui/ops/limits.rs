//! Pause, resume and limits of a queue. The forms come from a dialog of the list or of the queue's page, and lead back.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use mipo_app::ops::queues::{self as use_cases, Limits};
use mipo_app::ops::views::overview::Settings;
use mipo_app::{AppError, FieldError};
use mipo_domain::rights::Right;

use super::queues::PATH;
use super::reason::{self, Question};
use crate::http::{Id, Posted};
use crate::lists::pairs;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::auth::own_path;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::{self, Page};

/// A limit in a form: name, words, what it means, least and most; empty is allowed where there need be none.
pub(super) struct Limit {
    pub(super) name: &'static str,
    pub(super) words: &'static str,
    pub(super) hint: &'static str,
    pub(super) least: i64,
    pub(super) most: i64,
    pub(super) required: bool,
}

/// The limits in the order of the form.
pub(super) const LIMITS: &[Limit] = &[
    Limit {
        name: "concurrency",
        words: "Slots of a process",
        hint: "Tasks that one process runs at once, 1 to 10,000.",
        least: 1,
        most: 10_000,
        required: true,
    },
    Limit {
        name: "maxRunning",
        words: "Most running",
        hint: "Over all processes, 1 to 100,000; empty for no bound.",
        least: 1,
        most: 100_000,
        required: false,
    },
    Limit {
        name: "rateLimit",
        words: "Most starts",
        hint: "In the window below, over all processes; empty for no limit.",
        least: 1,
        most: 1_000_000,
        required: false,
    },
    Limit {
        name: "rateSeconds",
        words: "Window in seconds",
        hint: "1 to 3,600.",
        least: 1,
        most: 3600,
        required: true,
    },
    Limit {
        name: "keepDoneDays",
        words: "Days that done tasks are kept",
        hint: "0 to 3,650; empty for the setting of the product.",
        least: 0,
        most: 3650,
        required: false,
    },
    Limit {
        name: "keepDeadDays",
        words: "Days that dead tasks are kept",
        hint: "0 to 3,650; empty for the setting of the product.",
        least: 0,
        most: 3650,
        required: false,
    },
];

impl Limit {
    /// Its value of a queue, as it stands in the field.
    pub(super) fn of(&self, settings: &Settings) -> String {
        let value = match self.name {
            "concurrency" => Some(settings.concurrency),
            "maxRunning" => settings.max_running,
            "rateLimit" => settings.rate_limit,
            "rateSeconds" => Some(settings.rate_seconds),
            "keepDoneDays" => settings.keep_done_days,
            _ => settings.keep_dead_days,
        };
        value.map(|value| value.to_string()).unwrap_or_default()
    }
}

#[derive(Template)]
#[template(path = "ops/queue-limits.html")]
struct LimitsPage {
    page: Page,
    form: Form,
    name: String,
    back: String,
}

/// Where a form leads back to: the page that it came from, else the list.
fn back(form: &Form) -> String {
    form.filled("back").map(own_path).filter(|path| *path != "/").unwrap_or(PATH).to_owned()
}

fn asked(raw: Option<&str>) -> Form {
    Form::from_pairs(pairs(raw.unwrap_or_default()).into_iter().find(|(name, _)| name == "back"))
}

/// The limits as they are, for who may change them.
async fn now(app: &App, signed: &SignedIn, name: &str) -> Result<(Limits, i32), ui::Error> {
    let ctx = app.ctx(&signed.caller);
    ctx.require(Right::QueuesExecute)?;
    let mut tx = app.db.look("ops.queue_limits").await?;
    Ok(use_cases::limits(&mut tx, &ctx, name).await?)
}

fn draw_pause(page: Page, name: String, form: Form) -> Response {
    let question = Question {
        title: format!("Pause {name}?"),
        consequence: "Nothing of it begins any more; what runs goes on to its end.",
        action: format!("{PATH}/{name}/pause"),
        button: "Pause queue".to_owned(),
        list: PATH,
        list_title: "Queues",
        back: Some(back(&form)),
    };
    reason::ask(page, question, form)
}

fn draw_limits(page: Page, name: String, form: Form) -> Response {
    let page = page.at(PATH, format!("Limits of {name}")).under("Queues", PATH);
    let view = LimitsPage { page, back: back(&form), form, name };
    ui::render_with(view.form.status(), &view, &view.page)
}

/// Asks why.
pub(super) async fn pause_page(
    page: Page,
    signed: SignedIn,
    Id(name): Id<String>,
    RawQuery(raw): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    now(&app, &signed, &name).await?;
    Ok(draw_pause(page, name, asked(raw.as_deref())))
}

/// Holds the queue back.
pub(super) async fn pause(
    page: Page,
    signed: SignedIn,
    Id(name): Id<String>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.pause_queue").await?;
    match use_cases::pause(&mut tx, &app.ctx(&signed.caller), &name, form.value("reason")).await {
        Ok(_) => {
            tx.commit().await?;
            Ok(flash::redirect(&back(&form), Tone::Good, &format!("Queue {name} is paused; what runs goes on.")))
        }
        Err(AppError::Invalid(errors)) => Ok(draw_pause(page, name, form.refuse(errors))),
        Err(AppError::Conflict { detail, .. }) => Ok(flash::redirect(&back(&form), Tone::Bad, &detail)),
        Err(error) => Err(error.into()),
    }
}

/// Lets it go on.
pub(super) async fn resume(
    _page: Page,
    signed: SignedIn,
    Id(name): Id<String>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("ops.resume_queue").await?;
    match use_cases::resume(&mut tx, &app.ctx(&signed.caller), &name, form.value("reason")).await {
        Ok(_) => {
            tx.commit().await?;
            Ok(flash::redirect(&back(&form), Tone::Good, &format!("Queue {name} goes on.")))
        }
        Err(AppError::Conflict { detail, .. }) => Ok(flash::redirect(&back(&form), Tone::Bad, &detail)),
        Err(error) => Err(error.into()),
    }
}

/// The limits on a page of their own.
pub(super) async fn limits_page(
    page: Page,
    signed: SignedIn,
    Id(name): Id<String>,
    RawQuery(raw): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let (limits, version) = now(&app, &signed, &name).await?;
    Ok(draw_limits(page, name, filled(asked(raw.as_deref()), limits, version)))
}

fn filled(form: Form, limits: Limits, version: i32) -> Form {
    let text = |value: Option<i64>| value.map(|value| value.to_string()).unwrap_or_default();
    form.set("version", version.to_string())
        .set("concurrency", limits.concurrency.to_string())
        .set("maxRunning", text(limits.max_running))
        .set("rateLimit", text(limits.rate_limit))
        .set("rateSeconds", limits.rate_seconds.to_string())
        .set("keepDoneDays", text(limits.keep_done_days))
        .set("keepDeadDays", text(limits.keep_dead_days))
}

/// What the form says; each field that is no number, or missing, is refused by its name.
fn read(form: &Form) -> Result<Limits, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut value = |name: &str| match form.number::<i64>(name) {
        Ok(value) => value,
        Err(error) => {
            errors.push(error);
            // Refused already; what stands here is not used.
            Some(1)
        }
    };
    let limits = Limits {
        // Zero is refused by the use case with what would be right.
        concurrency: value("concurrency").unwrap_or_default(),
        max_running: value("maxRunning"),
        rate_limit: value("rateLimit"),
        rate_seconds: value("rateSeconds").unwrap_or_default(),
        keep_done_days: value("keepDoneDays"),
        keep_dead_days: value("keepDeadDays"),
    };
    if errors.is_empty() { Ok(limits) } else { Err(errors) }
}

/// Sets the limits that somebody saw.
pub(super) async fn set(
    page: Page,
    signed: SignedIn,
    Id(name): Id<String>,
    State(app): State<App>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let (_, current) = now(&app, &signed, &name).await?;
    let limits = match read(&form) {
        Ok(limits) => limits,
        Err(errors) => return Ok(draw_limits(page, name, form.refuse(errors))),
    };
    let version = form.value("version").parse().unwrap_or_default();
    let mut tx = app.db.tx("ops.set_queue_limits").await?;
    match use_cases::set_limits(&mut tx, &app.ctx(&signed.caller), &name, version, limits, form.value("reason")).await {
        Ok(_) => {
            tx.commit().await?;
            Ok(flash::redirect(&back(&form), Tone::Good, &format!("Queue {name} has its new limits.")))
        }
        Err(AppError::Invalid(errors)) => Ok(draw_limits(page, name, form.refuse(errors))),
        Err(AppError::Stale) => {
            let detail = "The queue was changed after you opened the form; save again to overwrite.";
            let form = form.refuse(vec![FieldError::new("", "stale_version", detail)]);
            Ok(draw_limits(page, name, form.set("version", current.to_string())))
        }
        Err(error) => Err(error.into()),
    }
}
