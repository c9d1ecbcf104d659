//! `/scans/history`: scans that have ended, for as long as mipo has run.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use mipo_app::views;
use mipo_domain::rights::Right;
use mipo_store::results::scan_views::{COUNT_LIMIT, Narrow};

use super::Row;
use super::narrow::{self, COLUMNS};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::forms::Form;
use crate::ui::tables::{Col, Listing};
use crate::ui::{self, Page, last_page, show};

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
    /// Filters that could not be read.
    refused: Form,
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
    let mut refused = Form::new();
    let (scans, total) = match narrow::of(&list.query) {
        Ok(by) => {
            let by = Narrow { ended: true, ..by };
            views::scans::list(&mut tx, &ctx, &by, &list.query.sort, list.query.limit(), list.query.offset()).await?
        }
        Err(errors) => {
            ctx.require(Right::ScansView)?;
            refused = refused.refuse(errors);
            (Vec::new(), 0)
        }
    };
    if let Some(response) = last_page::instead(&list, scans.len(), total) {
        return Ok(response);
    }
    let starters = views::scans::values(&mut tx, &ctx, "startedBy").await?;
    let templates = views::scans::values(&mut tx, &ctx, "template").await?;
    let rows = Row::all(scans, &app.rates, ctx.now());
    let list = list.without_if(!rows.iter().any(Row::has_tests), "tests");
    let page = page.at("/scans/history", "Scan history");
    let view = History { page, list, rows, total, starters, templates, refused };
    Ok(ui::render_with(view.refused.status(), &view, &view.page))
}
