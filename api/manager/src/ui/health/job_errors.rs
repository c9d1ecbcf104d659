//! `/health/job-errors`: what is wrong with scan jobs, and what can be done about it.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use mipo_app::job_errors::{self, Ask, Asked, JobError, REASON_CHARS};
use mipo_app::scanners::{self, Scanner};
use mipo_app::{AppError, FieldError};
use mipo_domain::ids::JobErrorId;
use mipo_domain::job_errors::{Category, Class, Repair};
use mipo_domain::rights::Right;
use mipo_store::lists;

use crate::api::job_errors::COLUMNS;
use crate::enrolment::Commands;
use crate::http::{Id, Posted};
use crate::lists::encode;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::scanners::token;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::{Col, Listing, RowMenu};
use crate::ui::{self, Page, Region, last_page, show};

/// The list.
pub(super) const PATH: &str = "/health/job-errors";
/// Its title.
pub(super) const TITLE: &str = "Job errors";

const COLS: &[Col] = &[
    Col::lead("class", "Class"),
    Col::text("category", "Category"),
    Col::text("job", "Job"),
    Col::text("scan", "Scan"),
    Col::text("scanner", "Scanner"),
    Col::text("opened", "Opened"),
    Col::text("state", "State"),
    Col::fill("repair", "Last repair"),
];

/// A job error with what follows from its class.
pub(super) struct Row {
    pub(super) error: JobError,
    pub(super) class: Class,
    pub(super) history: Vec<Asked>,
}

impl Row {
    pub(super) fn of(error: JobError) -> Result<Self, AppError> {
        let class = error.class.parse().map_err(|wrong| AppError::Internal(format!("{wrong}")))?;
        let history = error.history()?;
        Ok(Self { error, class, history })
    }

    pub(super) fn path(&self) -> String {
        format!("{PATH}/{}", self.error.id)
    }

    pub(super) fn is_open(&self) -> bool {
        self.error.resolved_at.is_none()
    }

    /// A repair was asked for and has not been carried out.
    pub(super) fn pending(&self) -> Option<&Asked> {
        self.history.iter().find(|asked| asked.state == "asked")
    }

    pub(super) fn last(&self) -> Option<&Asked> {
        self.history.last()
    }

    pub(super) fn scanner(&self) -> &str {
        self.error.scanner.as_deref().unwrap_or("deleted scanner")
    }

    /// The words of the class.
    pub(super) fn title(&self) -> String {
        show::label(&self.error.class.replace('-', " "))
    }

    /// True when `repair` can be asked for now.
    pub(super) fn takes(&self, repair: Repair) -> bool {
        self.is_open() && self.pending().is_none() && self.class.repairs().contains(&repair)
    }
}

#[derive(Template)]
#[template(path = "health/job-errors.html", blocks = ["rows"])]
struct List {
    page: Page,
    list: Listing,
    rows: Vec<Row>,
    total: i64,
    is_estimate: bool,
    scanners: Vec<String>,
    classes: Vec<String>,
    categories: Vec<String>,
}

impl List {
    fn may_repair(&self) -> bool {
        self.page.shell.may(Right::JobErrorsExecute)
    }

    fn menu(&self, row: &Row) -> RowMenu {
        let (id, may) = (row.error.id, self.may_repair() && row.is_open() && row.pending().is_none());
        let about = format!("{} of job #{}", row.error.class, row.error.job_id);
        RowMenu::new(&self.page, format!("error-{id}"), about)
            .keyed("r")
            .link_if(may && !row.class.repairs().is_empty(), format!("{}#repair", row.path()), "Repair…")
            .link(row.path(), "Open")
            .link_if(
                self.page.shell.may(Right::ScansView),
                format!("/scans/{}/jobs", row.error.scan_id),
                "Jobs of the scan",
            )
    }

    /// The address of this view without its path, for whoever acts on all of it.
    fn query(&self) -> String {
        self.list.link("page", None).split_once('?').map_or_else(String::new, |(_, query)| query.to_owned())
    }

    fn all(&self) -> String {
        if self.total == 1 { "the one job error".to_owned() } else { format!("all {}", show::number(self.total)) }
    }
}

/// The list.
pub async fn page(
    page: Page,
    signed: SignedIn,
    region: Region,
    RawQuery(query): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let list = Listing::read(PATH, query.as_deref(), &COLUMNS).showing(COLS);
    let mut tx = app.db.read("job_errors.page").await?;
    let found = job_errors::list(&mut tx, &ctx, &list.query.ask()).await?;
    if let Some(response) = last_page::instead(&list, found.items.len(), found.total) {
        return Ok(response);
    }
    let scanners = job_errors::filter_values(&mut tx, &ctx, "scanner").await?;
    drop(tx);
    let rows = found.items.into_iter().map(Row::of).collect::<Result<Vec<_>, _>>()?;
    let view = List {
        page: page.at(PATH, TITLE),
        list,
        rows,
        total: found.total,
        is_estimate: found.total_is_estimate,
        scanners,
        classes: Class::WORDS.iter().map(ToString::to_string).collect(),
        categories: Category::WORDS.iter().map(ToString::to_string).collect(),
    };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

/// One thing that happened.
struct Moment {
    at: DateTime<Utc>,
    mark: &'static str,
    tone: &'static str,
    title: String,
    text: String,
}

#[derive(Template)]
#[template(path = "health/job-error.html", blocks = ["whole", "story"])]
struct One {
    page: Page,
    row: Row,
    form: Form,
    /// Active scanners that could go on with it.
    targets: Vec<Scanner>,
}

impl One {
    fn may_repair(&self) -> bool {
        self.page.shell.may(Right::JobErrorsExecute)
    }

    /// What can be asked for now, the recommended one first.
    fn repairs(&self) -> Vec<Repair> {
        let allowed =
            |repair: &Repair| *repair != Repair::RegenerateToken || self.page.shell.may(Right::ScannersManage);
        self.class_repairs().iter().copied().filter(allowed).collect()
    }

    fn class_repairs(&self) -> &'static [Repair] {
        self.row.class.repairs()
    }

    /// A new token needs a right that not everybody has who repairs.
    fn lacks_a_right(&self) -> bool {
        self.repairs().len() < self.class_repairs().len()
    }

    fn reassigns(&self) -> bool {
        self.class_repairs().contains(&Repair::Reassign)
    }

    /// The facts that it was judged by, in words.
    fn facts(&self) -> Vec<(String, show::Html)> {
        let Some(facts) = self.row.error.context.as_object() else { return Vec::new() };
        facts
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (fact_name(name), self.fact(name, value)))
            .collect()
    }

    fn fact(&self, name: &str, value: &serde_json::Value) -> show::Html {
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
            serde_json::Value::Number(number) => number.as_i64().map_or_else(|| number.to_string(), show::number),
            other => other.to_string(),
        };
        match text.parse::<DateTime<Utc>>() {
            Ok(at) if name.ends_with("At") || name.ends_with("Since") => self.page.time(at),
            _ if name == "flaw" => show::faint(match text.as_str() {
                "unreadable" => "its specification cannot be read",
                "signature" => "its signature does not hold",
                _ => "exclusions cover all of it",
            }),
            _ => show::Html(show::escape(&text)),
        }
    }

    /// Everything that happened, oldest first.
    fn story(&self) -> Vec<Moment> {
        let error = &self.row.error;
        let mut story = vec![Moment {
            at: error.opened_at,
            mark: "s-warn",
            tone: "warn",
            title: "Found".to_owned(),
            text: self.row.class.trigger().to_owned(),
        }];
        for asked in &self.row.history {
            let to = asked.scanner.as_deref().map(|name| format!(" to {name}")).unwrap_or_default();
            story.push(Moment {
                at: asked.at,
                mark: "s-info",
                tone: "idle",
                title: format!("{}{to} asked for by {}", repair_title(&asked.action), asked.by),
                text: asked.reason.clone(),
            });
            if let (Some(at), Some(outcome)) = (asked.done_at, &asked.outcome) {
                let done = asked.state == "done";
                story.push(Moment {
                    at,
                    mark: if done { "s-ok" } else { "s-fail" },
                    tone: if done { "good" } else { "bad" },
                    title: if done { "Carried out" } else { "Not carried out" }.to_owned(),
                    text: outcome.clone(),
                });
            }
        }
        if let Some(at) = error.resolved_at {
            let text = match error.resolved_by.as_deref() {
                Some("system") | None => "The condition does not hold any more.".to_owned(),
                Some(who) => format!("By {who}."),
            };
            story.push(Moment { at, mark: "s-ok", tone: "good", title: "Resolved".to_owned(), text });
        }
        story.sort_by_key(|moment| moment.at);
        story
    }
}

/// The words of a repair on buttons.
pub(super) fn repair_title(word: &str) -> &str {
    match word.parse::<Repair>() {
        Ok(repair) => repair.title(),
        Err(_) => word,
    }
}

/// `lastHeartbeatAt` as `Last heartbeat at`.
fn fact_name(name: &str) -> String {
    let mut words = String::new();
    for (place, character) in name.chars().enumerate() {
        match character {
            upper if upper.is_uppercase() => {
                words.push(' ');
                words.extend(upper.to_lowercase());
            }
            first if place == 0 => words.extend(first.to_uppercase()),
            other => words.push(other),
        }
    }
    words.replace(" ip", " address").trim_end_matches(" at").to_owned()
}

/// Active scanners, by name.
pub(super) async fn active(conn: &mut mipo_store::Conn, ctx: &mipo_app::Ctx<'_>) -> Result<Vec<Scanner>, AppError> {
    if !ctx.caller.may(Right::ScannersView) {
        return Ok(Vec::new());
    }
    let mut ask = lists::Ask::first(200, "name");
    ask.filters.insert("status".to_owned(), "active".to_owned());
    Ok(scanners::list(conn, ctx, &ask).await?.items)
}

async fn draw(page: Page, app: &App, signed: &SignedIn, id: JobErrorId, form: Form) -> Result<One, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("job_errors.one").await?;
    let row = Row::of(job_errors::get(&mut tx, &ctx, id).await?)?;
    let targets = active(&mut tx, &ctx).await?.into_iter().filter(|one| one.id != row.error.scanner_id).collect();
    let title = format!("{} of job #{}", row.title(), row.error.job_id);
    Ok(One { page: page.at(PATH, title).under(TITLE, PATH), row, form, targets })
}

/// One job error.
pub async fn detail(
    page: Page,
    signed: SignedIn,
    region: Region,
    State(app): State<App>,
    Id(id): Id<JobErrorId>,
) -> Result<Response, ui::Error> {
    let view = draw(page, &app, &signed, id, Form::new()).await?;
    Ok(match region.name() {
        Some("story") => ui::render(&view.as_story(), &view.page),
        Some("error") => ui::render(&view.as_whole(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

/// What a form asks for.
pub(super) fn asked(form: &Form, errors: &mut Vec<FieldError>) -> Ask {
    let action = form.value("action").to_owned();
    // The choice of a scanner stands beside all buttons; only one of them takes it.
    let chosen = form.filled("scannerId").filter(|_| action == Repair::Reassign.as_str());
    let scanner_id = chosen.and_then(|text| text.parse().ok());
    if chosen.is_some() && scanner_id.is_none() {
        errors.push(FieldError::new("scannerId", "not_an_id", "Choose a scanner from the list."));
    }
    Ask { action, scanner_id, reason: form.value("reason").to_owned() }
}

/// Asks for a repair.
pub async fn repair(
    page: Page,
    signed: SignedIn,
    State(app): State<App>,
    Id(id): Id<JobErrorId>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let path = format!("{PATH}/{id}");
    let mut errors = Vec::new();
    let ask = asked(&form, &mut errors);
    if errors.is_empty() {
        let mut tx = app.db.tx("job_errors.repair").await?;
        match job_errors::ask(&mut tx, &ctx, id, &ask).await {
            Ok(Some(enrolment)) => {
                let commands = Commands::of(&mut tx, &app, &enrolment).await?;
                tx.commit().await?;
                return Ok(token::shown(page, &enrolment, commands));
            }
            Ok(None) => {
                tx.commit().await?;
                let words =
                    format!("{} is asked for; what came of it stands here in a moment.", repair_title(&ask.action));
                return Ok(flash::redirect(&path, Tone::Good, &words));
            }
            Err(AppError::Invalid(found)) => errors = found,
            Err(AppError::ReauthRequired) => return Ok(flash::to(&format!("/reauth?next={}", encode(&path)))),
            Err(AppError::Conflict { detail, .. }) => return Ok(flash::redirect(&path, Tone::Bad, &detail)),
            Err(other) => return Err(other.into()),
        }
    }
    let view = draw(page, &app, &signed, id, form.refuse(errors)).await?;
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_have_names_that_people_read() {
        assert_eq!(fact_name("lastHeartbeatAt"), "Last heartbeat");
        assert_eq!(fact_name("boundIp"), "Bound address");
        assert_eq!(fact_name("failedLeases"), "Failed leases");
        assert_eq!(repair_title("fail"), "End the job");
    }
}
