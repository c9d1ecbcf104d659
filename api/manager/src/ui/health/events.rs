//! `/health/alerting/events`: every transition that somebody may want to know of.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use mipo_app::alarms::{self, Event};

use super::entity_path;
use crate::api::alerting::{EVENT_COLUMNS, ask};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::tables::{Col, Listing};
use crate::ui::{self, Page, Region, last_page, show};

const PATH: &str = "/health/alerting/events";

/// The columns of its table.
const COLS: &[Col] = &[
    Col::text("time", "Time"),
    Col::text("source", "Source"),
    Col::text("type", "Type"),
    Col::text("severity", "Severity"),
    Col::text("entity", "Entity"),
    Col::lead("summary", "Summary"),
];

#[derive(Template)]
#[template(path = "health/events.html", blocks = ["rows"])]
struct EventsPage {
    page: Page,
    list: Listing,
    events: Vec<Event>,
    total: i64,
    is_estimate: bool,
    types: Vec<String>,
    kinds: Vec<String>,
}

impl EventsPage {
    fn entity(&self, event: &Event) -> Option<String> {
        entity_path(&event.entity_type, &event.entity_id)
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
    let list = Listing::read(PATH, query.as_deref(), &EVENT_COLUMNS).showing(COLS);
    let mut tx = app.db.read("events.page").await?;
    let ctx = app.ctx(&signed.caller);
    let found = alarms::list_events(&mut tx, &ctx, &ask(&list.query)).await?;
    if let Some(response) = last_page::instead(&list, found.items.len(), found.total) {
        return Ok(response);
    }
    let types = alarms::event_filter_values(&mut tx, &ctx, "type").await?;
    let kinds = alarms::event_filter_values(&mut tx, &ctx, "entityType").await?;
    drop(tx);
    let view = EventsPage {
        page: page.at(PATH, "Events"),
        list,
        events: found.items,
        total: found.total,
        is_estimate: found.total_is_estimate,
        types,
        kinds,
    };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}
