//! `/scans/:id/changes`: the difference to the previous scan of the template, or to `?against=`.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use mipo_app::views::findings::Diff;
use mipo_app::{AppError, views};
use mipo_domain::ids::ScanId;
use mipo_domain::rights::Right;
use mipo_store::results::change_views::Difference;

use super::detail::{Head, seen};
use crate::http::Id;
use crate::lists::pairs;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::forms::Form;
use crate::ui::{self, Page, Region, show};

#[derive(Template)]
#[template(path = "scans/changes.html", blocks = ["top", "rows"])]
struct Changes {
    page: Page,
    head: Head,
    diff: Diff,
    against_text: String,
    /// The scan to compare with could not be read, or is none.
    refused: Form,
}

/// What became of a port between two scans.
pub(crate) fn kind(row: &Difference) -> &'static str {
    match (row.now_open, row.other_state.as_deref()) {
        (_, None) => "not_comparable",
        (true, Some(_)) => "opened",
        (false, Some("filtered")) => "filtered",
        (false, Some(_)) => "closed",
    }
}

impl Changes {
    fn of_kind(&self, kinds: &[&str]) -> Vec<&Difference> {
        self.diff.ports.iter().filter(|row| kinds.contains(&kind(row))).collect()
    }

    fn opened(&self) -> Vec<&Difference> {
        self.of_kind(&["opened"])
    }

    fn closed(&self) -> Vec<&Difference> {
        self.of_kind(&["closed", "filtered"])
    }

    fn not_comparable(&self) -> Vec<&Difference> {
        self.of_kind(&["not_comparable"])
    }

    fn is_empty(&self) -> bool {
        self.diff.ports.is_empty() && self.diff.other.is_empty()
    }
}

/// `[22,23)` as `22`, `[8000,8101)` as `8000-8100`.
fn ports(text: &str) -> String {
    mipo_domain::ports::PortSet::from_multirange(text).map_or_else(|_| text.to_owned(), |ports| ports.to_string())
}

/// The scan to compare with; nothing for the previous one. Whatever else was typed is refused.
pub(crate) fn read_against(text: &str) -> Result<Option<ScanId>, AppError> {
    if text.is_empty() {
        return Ok(None);
    }
    let unknown = |_| AppError::invalid("against", "unknown_scan", format!("“{text}” is not the number of a scan."));
    text.parse().map(Some).map_err(unknown)
}

pub(super) async fn page(
    page: Page,
    signed: SignedIn,
    region: Region,
    Id(id): Id<ScanId>,
    RawQuery(raw): RawQuery,
    State(app): State<App>,
) -> Result<Response, ui::Error> {
    let ctx = app.ctx(&signed.caller);
    let against_text = pairs(raw.as_deref().unwrap_or_default())
        .into_iter()
        .find(|(name, _)| name == "against")
        .map(|(_, value)| value.trim().trim_start_matches('#').to_owned())
        .unwrap_or_default();
    let mut tx = app.db.read("scans.changes").await?;
    let head = Head::read(&mut tx, &ctx, &app, id, "changes").await?;
    let mut refused = Form::new();
    let diff = match read_against(&against_text) {
        Ok(against) => views::findings::diff(&mut tx, &ctx, id, against).await,
        Err(error) => Err(error),
    };
    let diff = match diff {
        Ok(diff) => diff,
        Err(AppError::Invalid(errors)) => {
            ctx.require(Right::ResultsView)?;
            refused = refused.refuse(errors);
            Diff { against: None, ports: Vec::new(), other: Vec::new(), cut: false }
        }
        Err(other) => return Err(other.into()),
    };
    drop(tx);
    if region.name().is_none() {
        seen(&app, &ctx, id).await?;
    }
    let page = page
        .at("/scans/recent", "Changes")
        .under("Recent", "/scans/recent")
        .under(head.title(), format!("/scans/{id}"));
    let view = Changes { page, head, diff, against_text, refused };
    Ok(match region.name() {
        Some("top") => ui::render(&view.as_top(), &view.page),
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render_with(view.refused.status(), &view, &view.page),
    })
}
