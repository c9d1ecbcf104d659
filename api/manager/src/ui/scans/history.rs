//! `/scans/history`: scans that have ended, for as long as mipo has run.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use mipo_app::views;
use mipo_store::results::scan_views::{COUNT_LIMIT, Narrow, SORTS};

use super::{Row, STATUSES};
use crate::lists::Columns;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::tables::{Col, Listing};
use crate::ui::{self, Page, show};

const COLUMNS: Columns = Columns {
    sort: SORTS,
    filters: &["from", "to", "status", "startedBy", "template"],
    default_sort: "-id",
    words: &[("status", STATUSES)],
};

const COLS: &[Col] = &[
    Col::text("id", "ID"),
    Col::lead("template", "Template"),
    Col::text("status", "Status"),
    Col::num("hosts", "Hosts"),
    Col::num("probes", "Probes"),
    Col::num("scanners", "Scanners"),
    Col::num("openPorts", "Open"),
    Col::num("changes", "Changes"),
    Col::text("tests", "Tests"),
    Col::text("startedBy", "Started by"),
    Col::text("started", "Started"),
    Col::text("completed", "Completed"),
    Col::num("duration", "Duration"),
];

#[derive(Template)]
#[template(path = "scans/history.html")]
struct History {
    page: Page,
    list: Listing,
    rows: Vec<Row>,
    total: i64,
    starters: Vec<String>,
    templates: Vec<String>,
}

/// From that day's beginning.
fn day_start(text: &str) -> Option<DateTime<Utc>> {
    text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc())
}

/// The filters of the list; a date that cannot be read narrows nothing.
pub(crate) fn narrow(list: &Listing) -> Narrow {
    let query = &list.query;
    Narrow {
        from: query.filter("from").and_then(day_start),
        // To the end of that day.
        before: query.filter("to").and_then(day_start).and_then(|day| day.checked_add_days(Days::new(1))),
        statuses: query.filter("status").map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        started_by: query.filter("startedBy").map(str::to_owned),
        template: query.filter("template").map(str::to_owned),
        q: query.q.clone(),
        ended: true,
        ..Narrow::default()
    }
}

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    RawQuery(raw): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let list = Listing::read("/scans/history", raw.as_deref(), &COLUMNS).showing(COLS);
    let mut tx = app.db.read("scans.history").await?;
    let (scans, total) =
        views::scans::list(&mut tx, &ctx, &narrow(&list), &list.query.sort, list.query.limit(), list.query.offset())
            .await?;
    let starters = views::scans::values(&mut tx, &ctx, "startedBy").await?;
    let templates = views::scans::values(&mut tx, &ctx, "template").await?;
    let rows = Row::all(scans, &app.rates, ctx.now());
    let list = list.without_if(!rows.iter().any(Row::has_tests), "tests");
    let page = page.at("/scans/history", "Scan history");
    let view = History { page, list, rows, total, starters, templates };
    Ok(ui::render(&view, &view.page))
}
