//! `/health/alerting/alarms`: what is wrong now, and what was.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::alarms::{self, Alarm, NOTE_CHARS};
use mipo_app::{AppError, FieldError};
use mipo_domain::ids::AlarmId;

use super::entity_path;
use crate::api::alerting::{ALARM_COLUMNS, ask};
use crate::http::{Id, Posted};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::flash::{self, Tone};
use crate::ui::forms::Form;
use crate::ui::tables::{Col, Listing, RowMenu};
use crate::ui::{self, Page, Region, last_page, show};

const PATH: &str = "/health/alerting/alarms";

/// The columns of its table.
const COLS: &[Col] = &[
    Col::text("severity", "Severity"),
    Col::text("state", "State"),
    Col::text("entity", "Entity"),
    Col::lead("summary", "Summary"),
    Col::num("count", "Count"),
    Col::text("age", "Age"),
    Col::text("lastBump", "Last seen"),
    Col::text("rule", "Rule").extra(),
];

#[derive(Template)]
#[template(path = "health/alarms.html", blocks = ["rows"])]
struct AlarmsPage {
    page: Page,
    list: Listing,
    alarms: Vec<Alarm>,
    total: i64,
    is_estimate: bool,
    lede: String,
    may_manage: bool,
    rules: Vec<String>,
    kinds: Vec<String>,
}

impl AlarmsPage {
    fn entity(&self, alarm: &Alarm) -> Option<String> {
        entity_path(&alarm.entity_type, &alarm.entity_id)
    }

    fn menu(&self, alarm: &Alarm) -> RowMenu {
        let path = format!("{PATH}/{}", alarm.id);
        RowMenu::new(&self.page, format!("alarm-{}", alarm.id), format!("alarm: {}", alarm.summary))
            .link(&path, "Open, with a note")
            .quick_if(self.may_manage && alarm.state == "open", format!("{path}/acknowledge"), &[], "Acknowledge")
            .post_if(self.may_manage && alarm.state != "resolved", format!("{path}/resolve"), "Resolve")
    }
}

#[derive(Template)]
#[template(path = "health/alarm.html")]
struct AlarmPage {
    page: Page,
    alarm: Alarm,
    form: Form,
    may_manage: bool,
}

impl AlarmPage {
    fn entity(&self) -> Option<String> {
        entity_path(&self.alarm.entity_type, &self.alarm.entity_id)
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
    let list = Listing::read(PATH, query.as_deref(), &ALARM_COLUMNS).showing(COLS);
    let mut tx = app.db.read("alarms.page").await?;
    let found = alarms::list(&mut tx, &ctx, &ask(&list.query)).await?;
    if let Some(response) = last_page::instead(&list, found.items.len(), found.total) {
        return Ok(response);
    }
    let rules = alarms::filter_values(&mut tx, &ctx, "rule").await?;
    let kinds = alarms::filter_values(&mut tx, &ctx, "entityType").await?;
    let counts = alarms::counts(&mut tx, &ctx).await?;
    drop(tx);
    let lede = match (counts.open, counts.acknowledged) {
        (0, 0) => "Nothing is wrong.".to_owned(),
        (0, taken) => format!("No open alarm; {}.", show::count(taken, "is acknowledged", "are acknowledged")),
        (open, taken) => format!(
            "{}, {} of them critical or high; {}.",
            show::count(open, "open alarm", "open alarms"),
            show::number(counts.critical + counts.high),
            show::count(taken, "is acknowledged", "are acknowledged")
        ),
    };
    let page = page.at(PATH, "Alarms");
    let may_manage = page.may("alarms:manage");
    let view = AlarmsPage {
        page,
        list,
        alarms: found.items,
        total: found.total,
        is_estimate: found.total_is_estimate,
        lede,
        may_manage,
        rules,
        kinds,
    };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}

async fn read(app: &App, signed: &SignedIn, id: AlarmId) -> Result<Alarm, AppError> {
    let mut tx = app.db.read("alarms.get").await?;
    alarms::get(&mut tx, &app.ctx(&signed.caller), id).await
}

fn draw(page: Page, alarm: Alarm, form: Form) -> AlarmPage {
    let page = page.at(PATH, alarm.summary.clone()).under("Alarms", PATH);
    let may_manage = page.may("alarms:manage");
    AlarmPage { page, alarm, form, may_manage }
}

/// One alarm.
pub async fn detail(
    page: Page,
    signed: SignedIn,
    State(app): State<App>,
    Id(id): Id<AlarmId>,
) -> Result<Response, ui::Error> {
    let view = draw(page, read(&app, &signed, id).await?, Form::new());
    Ok(ui::render(&view, &view.page))
}

/// Takes an alarm on.
pub async fn acknowledge(
    page: Page,
    signed: SignedIn,
    State(app): State<App>,
    Id(id): Id<AlarmId>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("alarms.acknowledge").await?;
    let done = alarms::acknowledge(&mut tx, &app.ctx(&signed.caller), id, form.value("note")).await;
    if done.is_ok() {
        tx.commit().await?;
    }
    answer(page, &signed, &app, id, form, done, "Acknowledged.").await
}

/// Ends an alarm.
pub async fn resolve(
    page: Page,
    signed: SignedIn,
    State(app): State<App>,
    Id(id): Id<AlarmId>,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut tx = app.db.tx("alarms.resolve").await?;
    let done = alarms::resolve(&mut tx, &app.ctx(&signed.caller), id, form.value("note")).await;
    if done.is_ok() {
        tx.commit().await?;
    }
    answer(page, &signed, &app, id, form, done, "Resolved.").await
}

async fn answer(
    page: Page,
    signed: &SignedIn,
    app: &App,
    id: AlarmId,
    form: Form,
    done: Result<(), AppError>,
    text: &str,
) -> Result<Response, ui::Error> {
    let errors = match done {
        Ok(()) => return Ok(flash::redirect(PATH, Tone::Good, text)),
        Err(AppError::Invalid(errors)) => errors,
        // Somebody else was faster. The note stays, beside the state that the alarm has now.
        Err(AppError::Conflict { code, detail }) => vec![FieldError::new("", code, detail)],
        Err(other) => return Err(other.into()),
    };
    let view = draw(page, read(app, signed, id).await?, form.refuse(errors));
    Ok(ui::render_with(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.page))
}
