//! `GET /api/scans/:id/results`
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use mipo_app::{AppError, views};
use mipo_domain::ids::ScanId;
use mipo_store::results::findings::{Finding, Verdicts};
use mipo_store::results::scan_views::COUNT_LIMIT;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{Id, Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::scans::results::{COLUMNS, narrow};

/// An open port, as one scanner saw it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Finding)]
pub struct FindingAnswer {
    ip: String,
    port: i32,
    protocol: String,
    /// Always `open`: everything else is counted in `verdicts`.
    state: &'static str,
    service: Option<String>,
    version: Option<String>,
    scanner_id: Uuid,
    /// Absent when the scanner was deleted.
    scanner: Option<String>,
    /// `pass`, `fail` or `unexpected`, where a test says something about it.
    test: Option<String>,
    rtt_us: Option<i32>,
    at: DateTime<Utc>,
    /// Since when it is known to be open; absent until concluded.
    since: Option<DateTime<Utc>>,
}

impl From<Finding> for FindingAnswer {
    fn from(finding: Finding) -> Self {
        Self {
            ip: finding.ip,
            port: finding.port,
            protocol: finding.protocol,
            state: "open",
            service: finding.service,
            version: finding.version,
            scanner_id: finding.scanner_id.as_uuid(),
            scanner: finding.scanner,
            test: finding.outcome,
            rtt_us: finding.rtt_us,
            at: finding.at,
            since: finding.since,
        }
    }
}

/// Verdicts over everything that is concluded, each vantage for itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Verdicts)]
pub struct VerdictsAnswer {
    hosts: i64,
    open: i64,
    closed: i64,
    filtered: i64,
    /// Local errors and not probed: never a verdict.
    not_tested: i64,
}

impl From<Verdicts> for VerdictsAnswer {
    fn from(counts: Verdicts) -> Self {
        Self {
            hosts: counts.hosts,
            open: counts.open,
            closed: counts.closed,
            filtered: counts.filtered,
            not_tested: counts.error + counts.not_probed,
        }
    }
}

/// Open ports, and counts of all verdicts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScanResults)]
pub struct Answer {
    #[serde(flatten)]
    listed: Listed<FindingAnswer>,
    verdicts: VerdictsAnswer,
}

/// Open ports that a scan found.
#[utoipa::path(
    get,
    path = "/api/scans/{id}/results",
    tag = "scans",
    operation_id = "listScanResults",
    extensions(("x-right" = json!("results:view"))),
    params(
        ("id" = i64, Path, description = "The scan"),
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Address, port, service or version"),
        ("ip" = Option<String>, Query, description = "Address or CIDR"),
        ("port" = Option<u16>, Query, description = "Port"),
        ("scanner" = Option<String>, Query, description = "Name of the scanner"),
        ("service" = Option<String>, Query, description = "Service"),
    ),
    responses((status = 200, description = "A page of open ports", body = Answer))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScanId>,
    RawQuery(query): RawQuery,
) -> Result<Json<Answer>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &COLUMNS).map_err(AppError::Invalid)?;
    let by = narrow(&query).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scans.results").await?;
    views::scans::exists(&mut tx, id).await?;
    let (rows, total) =
        views::findings::list(&mut tx, &ctx, id, &by, &query.sort, query.limit(), query.offset()).await?;
    let verdicts = views::findings::verdicts(&mut tx, &ctx, id).await?;
    views::findings::seen(&mut tx, &ctx, id).await?;
    tx.commit().await?;
    let listed = Listed {
        items: rows.into_iter().map(FindingAnswer::from).collect(),
        page: query.page,
        page_size: query.page_size,
        total,
        total_is_estimate: total > COUNT_LIMIT,
    };
    Ok(Json(Answer { listed, verdicts: verdicts.into() }))
}
