//! `/config/scanners`: all scanners, live.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use mipo_app::Found;
use mipo_app::scanners::{self, ScannerPatch};
use mipo_domain::ids::ScannerId;
use mipo_domain::rights::Right;

use super::{COLS, COLUMNS, LIST, Row, TITLE};
use crate::http::{Id, Posted};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::Shared;
use crate::ui::forms::Form;
use crate::ui::tables::Listing;
use crate::ui::tables::inline::{self, Sent};
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
    draw_list(page, &signed, &app, region, raw.as_deref(), None).await
}

/// The list; `typed` is the row that was edited in its place and refused.
async fn draw_list(
    page: Page,
    signed: &SignedIn,
    app: &App,
    region: Region,
    raw: Option<&str>,
    typed: Option<(String, Form)>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let status = if typed.is_some() { inline::REFUSED } else { StatusCode::OK };
    let list =
        Listing::read(LIST, raw, &COLUMNS).showing(COLS).editing(ctx.caller.may(Right::ScannersManage), raw, typed);
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
        _ => ui::render_with(status, &view, &view.page),
    })
}

/// Stores what was typed into the row of the list.
pub async fn inline(
    page: Page,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    State(app): Shared,
    Posted(form): Posted,
) -> Result<Response, ui::Error> {
    let mut sent = Sent::of(form);
    let patch = ScannerPatch {
        version: sent.version,
        name: sent.text("name"),
        description: sent.text("description"),
        rate_limit: sent.rate(),
        ..ScannerPatch::default()
    };
    let raw = sent.raw();
    let mut tx = app.db.tx("scanners.update").await?;
    let done = scanners::update(&mut tx, &app.ctx(&signed.caller), id, patch).await;
    match sent.judge(done)? {
        Ok(scanner) => {
            tx.commit().await?;
            Ok(inline::saved(LIST, raw.as_deref(), &scanner.name))
        }
        Err(form) => {
            drop(tx);
            let typed = Some((id.to_string(), form));
            draw_list(page, &signed, &app, Region::default(), raw.as_deref(), typed).await
        }
    }
}
