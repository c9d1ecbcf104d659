//! `/scans/recent`: the last seven days, newest first, live.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use chrono::Duration;
use mipo_app::views;
use mipo_store::results::scan_views::{Narrow, SORTS};

use super::Row;
use crate::lists::Columns;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::tables::Listing;
use crate::ui::{self, Page, Region, show};

const COLUMNS: Columns = Columns { sort: SORTS, filters: &["status"], default_sort: "-id" };

#[derive(Template)]
#[template(path = "scans/recent.html", blocks = ["rows"])]
struct Recent {
    page: Page,
    list: Listing,
    rows: Vec<Row>,
    total: i64,
    tests: bool,
}

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    region: Region,
    RawQuery(raw): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let list = Listing::read("/scans/recent", raw.as_deref(), &COLUMNS);
    let by = Narrow {
        from: Some(ctx.now() - Duration::days(7)),
        with_unended: true,
        statuses: list
            .query
            .filter("status")
            .map(|text| text.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
        q: list.query.q.clone(),
        ..Narrow::default()
    };
    let mut tx = app.db.read("scans.recent").await?;
    let (scans, total) =
        views::scans::list(&mut tx, &ctx, &by, &list.query.sort, list.query.limit(), list.query.offset()).await?;
    let rows = Row::all(scans, &app.rates, ctx.now());
    let tests = rows.iter().any(Row::has_tests);
    let view = Recent { page: page.at("/scans/recent", "Recent scans"), list, rows, total, tests };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}
