//! `/scans/recent`: the last seven days, newest first, live.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use chrono::Duration;
use mipo_app::views;
use mipo_store::results::scan_views::{COUNT_LIMIT, Narrow, SORTS};

use super::{Row, STATUSES};
use crate::lists::Columns;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::tables::{Col, Listing};
use crate::ui::{self, Page, Region, last_page, show};

const COLUMNS: Columns = Columns {
    sort: SORTS,
    filters: &["status", "startedBy", "template"],
    default_sort: "-id",
    words: &[("status", STATUSES)],
};

const COLS: &[Col] = &[
    Col::text("id", "ID"),
    Col::lead("template", "Template"),
    Col::text("status", "Status"),
    Col::fill("progress", "Progress"),
    Col::num("eta", "Ends about"),
    Col::num("scanners", "Scanners"),
    Col::num("openPorts", "Open"),
    Col::num("changes", "Changes"),
    Col::text("tests", "Tests"),
    Col::text("startedBy", "Started by"),
    Col::text("started", "Started"),
    Col::text("completed", "Completed"),
];

#[derive(Template)]
#[template(path = "scans/recent.html", blocks = ["rows"])]
struct Recent {
    page: Page,
    list: Listing,
    rows: Vec<Row>,
    total: i64,
    starters: Vec<String>,
    templates: Vec<String>,
}

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    region: Region,
    RawQuery(raw): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let list = Listing::read("/scans/recent", raw.as_deref(), &COLUMNS).showing(COLS);
    let by = Narrow {
        from: Some(ctx.now() - Duration::days(7)),
        with_unended: true,
        statuses: list
            .query
            .filter("status")
            .map(|text| text.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
        started_by: list.query.filter("startedBy").map(str::to_owned),
        template: list.query.filter("template").map(str::to_owned),
        q: list.query.q.clone(),
        ..Narrow::default()
    };
    let mut tx = app.db.read("scans.recent").await?;
    let (scans, total) =
        views::scans::list(&mut tx, &ctx, &by, &list.query.sort, list.query.limit(), list.query.offset()).await?;
    if let Some(response) = last_page::instead(&list, scans.len(), total) {
        return Ok(response);
    }
    let starters = views::scans::values(&mut tx, &ctx, "startedBy").await?;
    let templates = views::scans::values(&mut tx, &ctx, "template").await?;
    let rows = Row::all(scans, &app.rates, ctx.now());
    let list = list.without_if(!rows.iter().any(Row::has_tests), "tests");
    let view = Recent { page: page.at("/scans/recent", "Recent scans"), list, rows, total, starters, templates };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}
