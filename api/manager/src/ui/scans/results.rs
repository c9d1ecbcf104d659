//! `/scans/:id/results`: every open port that the scan found, and how much of it was not tested.
use std::net::IpAddr;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ipnet::IpNet;
use mipo_app::{FieldError, views};
use mipo_domain::ids::ScanId;
use mipo_domain::rights::Right;
use mipo_store::results::findings::{Finding, Narrow, SORTS, Verdicts};
use mipo_store::results::scan_views::COUNT_LIMIT;

use super::detail::{Head, seen};
use crate::http::Id;
use crate::lists::{Columns, ListQuery};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::forms::Form;
use crate::ui::tables::{Col, Listing};
use crate::ui::{self, Page, Region, last_page, show};

/// What the list of findings can be asked, here and in its JSON twin.
pub(crate) const COLUMNS: Columns =
    Columns { sort: SORTS, filters: &["ip", "port", "scanner", "service"], default_sort: "ip,port", ..Columns::NONE };

const COLS: &[Col] = &[
    Col::text("at", "At"),
    Col::lead("ip", "Address"),
    Col::num("port", "Port"),
    Col::text("protocol", "Protocol"),
    Col::text("state", "State"),
    Col::text("service", "Service"),
    Col::fill("version", "Version"),
    Col::text("scanner", "Seen from"),
    Col::text("test", "Test"),
    Col::num("rtt", "RTT"),
    Col::text("since", "Since"),
];

/// The filters of the list, here and in its JSON twin. What cannot be read is refused with its name: a list that leaves a
/// filter out would say that everything matches.
pub(crate) fn narrow(query: &ListQuery) -> Result<Narrow, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut refuse =
        |name: &str, code: &'static str, message: String| errors.push(FieldError::new(name, code, message));
    let network = query.filter("ip").and_then(|text| {
        let read = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        if read.is_none() {
            refuse("ip", "not_an_address", format!("“{text}” is no address or CIDR; write one such as 10.0.0.0/8."));
        }
        read
    });
    let port = query.filter("port").and_then(|text| {
        let read = text.parse().ok().filter(|port| (1..=65_535).contains(port));
        if read.is_none() {
            refuse("port", "range", format!("“{text}” is no port; write a number from 1 to 65535."));
        }
        read
    });
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Narrow {
        network,
        port,
        scanner: query.filter("scanner").map(str::to_owned),
        service: query.filter("service").map(str::to_owned),
        q: query.q.clone(),
    })
}

#[derive(Template)]
#[template(path = "scans/results.html", blocks = ["top", "rows"])]
struct Results {
    page: Page,
    head: Head,
    list: Listing,
    findings: Vec<Finding>,
    total: i64,
    verdicts: Verdicts,
    scanners: Vec<String>,
    services: Vec<String>,
    /// Filters that could not be read.
    refused: Form,
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
    let mut tx = app.db.read("scans.results").await?;
    let head = Head::read(&mut tx, &ctx, &app, id, "results").await?;
    let list = Listing::read(format!("/scans/{id}/results"), raw.as_deref(), &COLUMNS).showing(COLS);
    let mut refused = Form::new();
    let (findings, total) = match narrow(&list.query) {
        Ok(by) => {
            let (limit, offset) = (list.query.limit(), list.query.offset());
            views::findings::list(&mut tx, &ctx, id, &by, &list.query.sort, limit, offset).await?
        }
        Err(errors) => {
            ctx.require(Right::ResultsView)?;
            refused = refused.refuse(errors);
            (Vec::new(), 0)
        }
    };
    if let Some(response) = last_page::instead(&list, findings.len(), total) {
        return Ok(response);
    }
    let verdicts = views::findings::verdicts(&mut tx, &ctx, id).await?;
    let scanners = views::findings::scanners(&mut tx, &ctx, id).await?;
    let services = views::findings::services(&mut tx, &ctx, id).await?;
    drop(tx);
    if region.name().is_none() {
        seen(&app, &ctx, id).await?;
    }
    let page = page
        .at("/scans/recent", "Findings")
        .under("Recent", "/scans/recent")
        .under(head.title(), format!("/scans/{id}"));
    let view = Results { page, head, list, findings, total, verdicts, scanners, services, refused };
    let status = view.refused.status();
    Ok(match region.name() {
        Some("top") => ui::render(&view.as_top(), &view.page),
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render_with(status, &view, &view.page),
    })
}
