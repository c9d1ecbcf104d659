//! `/scans/schedules`: when templates run by themselves.
mod actions;
mod form;
mod one;

use askama::Template;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use mipo_app::Found;
use mipo_app::schedules::{self, Schedule};
use mipo_domain::ids::ScheduleId;
use mipo_domain::rights::Right;

use crate::lists::{Columns, YES_NO};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::tables::{Col, Listing, RowMenu};
use crate::ui::{self, Page, Region, last_page, show};

const LIST: &str = "/scans/schedules";
const TITLE: &str = "Schedules";

/// What the list can be asked.
pub const COLUMNS: Columns = Columns {
    sort: &["name", "description", "nextRun", "lastRun", "status", "created"],
    filters: &["enabled", "type", "timezone"],
    default_sort: "name",
    words: &[("enabled", YES_NO), ("type", &["hourly", "daily", "weekly", "monthly", "cron"])],
};

/// The columns of its table.
const COLS: &[Col] = &[
    Col::lead("name", "Name"),
    Col::fill("description", "Description"),
    Col::text("schedule", "Schedule"),
    Col::text("templates", "Templates"),
    Col::text("nextRun", "Next run"),
    Col::text("lastRun", "Last run"),
    Col::text("status", "Status"),
    Col::text("created", "Created").extra(),
];

/// The types, with their words.
const KINDS: &[(&str, &str)] =
    &[("hourly", "Hourly"), ("daily", "Daily"), ("weekly", "Weekly"), ("monthly", "Monthly"), ("cron", "Cron")];

/// Pages and forms.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/scans/schedules", get(list))
        .route("/scans/schedules/new", get(one::new_page).post(one::create))
        .route("/scans/schedules/preview", post(one::preview))
        .route("/scans/schedules/{id}", get(one::page).post(one::save))
        .route("/scans/schedules/{id}/run", post(actions::run))
        .route("/scans/schedules/{id}/enable", post(actions::enable))
        .route("/scans/schedules/{id}/disable", post(actions::disable))
        .route("/scans/schedules/{id}/clone", get(actions::clone_page).post(actions::duplicate))
        .route("/scans/schedules/{id}/delete", get(actions::delete_page).post(actions::delete))
}

fn path(id: ScheduleId) -> String {
    format!("{LIST}/{id}")
}

#[derive(Template)]
#[template(path = "scans/schedules.html", blocks = ["rows"])]
struct List {
    page: Page,
    list: Listing,
    found: Found<Schedule>,
    zones: Vec<String>,
}

impl List {
    fn sentence(&self, schedule: &Schedule) -> String {
        schedules::sentence(schedule)
    }

    fn menu(&self, schedule: &Schedule) -> RowMenu {
        let path = path(schedule.id);
        let shell = &self.page.shell;
        let (may, run) = (shell.may(Right::SchedulesManage), shell.may(Right::ScansExecute));
        RowMenu::new(&self.page, format!("schedule-{}", schedule.id), &schedule.name)
            .quick_if(run, format!("{path}/run"), &[], "Run now")
            .link(&path, "Open")
            .post_if(may && !schedule.enabled, format!("{path}/enable"), "Enable")
            .post_if(may && schedule.enabled, format!("{path}/disable"), "Disable")
            .link_if(may, format!("{path}/clone"), "Clone")
            .harm_if(may, format!("{path}/delete"), "Delete…")
    }
}

async fn list(
    page: Page,
    signed: SignedIn,
    region: Region,
    RawQuery(raw): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let list = Listing::read(LIST, raw.as_deref(), &COLUMNS).showing(COLS);
    let mut tx = app.db.read("schedules.list").await?;
    let found = schedules::list(&mut tx, &ctx, &list.query.ask()).await?;
    if let Some(response) = last_page::instead(&list, found.items.len(), found.total) {
        return Ok(response);
    }
    let zones = schedules::filter_values(&mut tx, &ctx, "timezone").await?;
    let view = List { page: page.at(LIST, TITLE), list, found, zones };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}
