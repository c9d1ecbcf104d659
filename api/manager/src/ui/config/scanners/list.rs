//! `/config/scanners`: all scanners, live.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use mipo_app::{Found, scanners};

use super::{COLS, COLUMNS, LIST, Row, TITLE};
use crate::signed::SignedIn;
use crate::ui::config::Shared;
use crate::ui::tables::Listing;
use crate::ui::{self, Page, Region, last_page, show};

#[derive(Template)]
#[template(path = "config/scanners.html", blocks = ["rows"])]
struct List {
    page: Page,
    list: Listing,
    rows: Vec<Row>,
    total: i64,
    total_is_estimate: bool,
    versions: Vec<String>,
    makers: Vec<String>,
}

pub async fn page(
    page: Page,
    signed: SignedIn,
    region: Region,
    RawQuery(raw): RawQuery,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let list = Listing::read(LIST, raw.as_deref(), &COLUMNS).showing(COLS);
    let mut tx = app.db.read("scanners.list").await?;
    let Found { items, total, total_is_estimate } = scanners::list(&mut tx, &ctx, &list.query.ask()).await?;
    if let Some(response) = last_page::instead(&list, items.len(), total) {
        return Ok(response);
    }
    let versions = scanners::filter_values(&mut tx, &ctx, "version").await?;
    let makers = scanners::filter_values(&mut tx, &ctx, "createdBy").await?;
    let rows = items.into_iter().map(|scanner| Row { scanner, now: ctx.now() }).collect();
    let view = List { page: page.at(LIST, TITLE), list, rows, total, total_is_estimate, versions, makers };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}
