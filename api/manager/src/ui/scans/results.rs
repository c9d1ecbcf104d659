//! `/scans/:id/results`: every open port that the scan found, and how much of it was not tested.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use mipo_app::views;
use mipo_domain::ids::ScanId;
use mipo_store::results::findings::{Finding, Narrow, SORTS, Verdicts};
use mipo_store::results::scan_views::COUNT_LIMIT;

use super::detail::Head;
use crate::http::Id;
use crate::lists::{Columns, ListQuery};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::tables::{Col, Listing};
use crate::ui::{self, Page, Region, show};

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

/// The filters of the list; what cannot be read narrows to nothing being found by it.
pub(crate) fn narrow(query: &ListQuery) -> Narrow {
    Narrow {
        network: query.filter("ip").and_then(|text| {
            text.parse().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(ipnet::IpNet::from))
        }),
        port: query.filter("port").and_then(|text| text.parse().ok()),
        scanner: query.filter("scanner").map(str::to_owned),
        service: query.filter("service").map(str::to_owned),
        q: query.q.clone(),
    }
}

#[derive(Template)]
#[template(path = "scans/results.html", blocks = ["rows"])]
struct Results {
    page: Page,
    head: Head,
    list: Listing,
    findings: Vec<Finding>,
    total: i64,
    verdicts: Verdicts,
    scanners: Vec<String>,
    services: Vec<String>,
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
    let by = narrow(&list.query);
    let (findings, total) =
        views::findings::list(&mut tx, &ctx, id, &by, &list.query.sort, list.query.limit(), list.query.offset())
            .await?;
    let verdicts = views::findings::verdicts(&mut tx, &ctx, id).await?;
    let scanners = views::findings::scanners(&mut tx, &ctx, id).await?;
    let services = views::findings::services(&mut tx, &ctx, id).await?;
    drop(tx);
    if region.name().is_none() {
        let mut tx = app.db.tx("scans.results.seen").await?;
        views::findings::seen(&mut tx, &ctx, id).await?;
        tx.commit().await?;
    }
    let page = page
        .at("/scans/recent", "Findings")
        .under("Recent", "/scans/recent")
        .under(head.title(), format!("/scans/{id}"));
    let view = Results { page, head, list, findings, total, verdicts, scanners, services };
    Ok(match region.name() {
        Some("rows") => ui::render(&view.as_rows(), &view.page),
        _ => ui::render(&view, &view.page),
    })
}
