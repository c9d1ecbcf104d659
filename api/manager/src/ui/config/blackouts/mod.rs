//! `/config/blackouts`: times in which targets are not probed.
mod actions;
mod form;
mod one;

use askama::Template;
use axum::Router;
use axum::extract::RawQuery;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use mipo_app::Found;
use mipo_app::blackouts::{self, Blackout};
use mipo_domain::calendar::Span;
use mipo_domain::ids::BlackoutId;
use mipo_domain::rights::Right;

use super::Shared;
use crate::lists::{Columns, YES_NO};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::tables::{Col, Listing, RowMenu};
use crate::ui::{self, Page, Region, last_page, show};

const LIST: &str = "/config/blackouts";
const TITLE: &str = "Blackout windows";

/// What the list can be asked.
pub const COLUMNS: Columns = Columns {
    sort: &["name", "type", "reason", "enabled", "created"],
    filters: &["enabled", "type", "timezone"],
    default_sort: "name",
    words: &[("enabled", YES_NO), ("type", blackouts::KINDS)],
};

/// The columns of its table.
const COLS: &[Col] = &[
    Col::lead("name", "Name"),
    Col::text("scope", "Holds"),
    Col::text("window", "Window"),
    Col::fill("reason", "Reason"),
    Col::text("next", "Next change"),
    Col::text("enabled", "State"),
    Col::text("created", "Created").extra(),
];

/// Pages and forms.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/config/blackouts", get(list))
        .route("/config/blackouts/new", get(one::new_page).post(one::create))
        .route("/config/blackouts/{id}", get(one::page).post(one::save))
        .route("/config/blackouts/{id}/disable", get(actions::disable_page).post(actions::disable))
        .route("/config/blackouts/{id}/enable", post(actions::enable))
        .route("/config/blackouts/{id}/clone", get(actions::clone_page).post(actions::duplicate))
        .route("/config/blackouts/{id}/delete", get(actions::delete_page).post(actions::delete))
}

fn path(id: BlackoutId) -> String {
    format!("{LIST}/{id}")
}

/// A window as it is shown.
struct Row {
    blackout: Blackout,
    sentence: String,
    /// The rest of the time in which it holds now.
    holds: Option<Span>,
    next: Option<DateTime<Utc>>,
}

impl Row {
    fn of(blackout: Blackout, now: DateTime<Utc>) -> Self {
        Self {
            sentence: blackouts::sentence(&blackout),
            holds: blackouts::holds(&blackout, now),
            next: blackouts::next_change(&blackout, now),
            blackout,
        }
    }

    fn state(&self) -> show::Html {
        if !self.blackout.enabled {
            show::labelled("s-warn", "warn", "Disabled")
        } else if self.holds.is_some() {
            show::labelled("s-hold", "run", "Holds now")
        } else if self.next.is_none() {
            show::labelled("s-late", "idle", "Over")
        } else {
            show::labelled("s-ok", "good", "Enabled")
        }
    }

    /// `everything`, or how many of what.
    fn scope(&self) -> String {
        let Blackout { scope_all, subnets, subnet_groups, scanners, .. } = &self.blackout;
        if *scope_all {
            return "everything".to_owned();
        }
        let name = |rows: &[mipo_app::Named], one: &str, many: &str| match rows {
            [] => None,
            [only] => Some(format!("{one} {}", only.name)),
            rows => Some(show::count(rows.len() as i64, one, many)),
        };
        let parts = [
            name(subnets, "subnet", "subnets"),
            name(subnet_groups, "subnet group", "subnet groups"),
            name(scanners, "scanner", "scanners"),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn menu(&self, page: &Page) -> RowMenu {
        let Blackout { id, name, enabled, .. } = &self.blackout;
        let (path, may) = (path(*id), page.shell.may(Right::SafetyManage));
        RowMenu::new(page, format!("blackout-{id}"), name)
            .link(&path, "Open")
            .post_if(may && !enabled, format!("{path}/enable"), "Enable")
            .link_if(may, format!("{path}/clone"), "Clone")
            .harm_if(may && *enabled, format!("{path}/disable"), "Disable…")
            .harm_if(may, format!("{path}/delete"), "Delete…")
    }
}

#[derive(Template)]
#[template(path = "config/blackouts.html", blocks = ["rows"])]
struct List {
    page: Page,
    list: Listing,
    rows: Vec<Row>,
    total: i64,
    total_is_estimate: bool,
    zones: Vec<String>,
}

async fn list(
    page: Page,
    signed: SignedIn,
    region: Region,
    RawQuery(raw): RawQuery,
    State(app): Shared,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let list = Listing::read(LIST, raw.as_deref(), &COLUMNS).showing(COLS);
    let mut tx = app.db.read("blackouts.list").await?;
    let Found { items, total, total_is_estimate } = blackouts::list(&mut tx, &ctx, &list.query.ask()).await?;
    if let Some(response) = last_page::instead(&list, items.len(), total) {
        return Ok(response);
    }
    let zones = blackouts::filter_values(&mut tx, &ctx, "timezone").await?;
    let rows = items.into_iter().map(|row| Row::of(row, ctx.now())).collect();
    let view = List { page: page.at(LIST, TITLE), list, rows, total, total_is_estimate, zones };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}
