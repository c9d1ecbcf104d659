//! `GET /api/scans/filter-values` and the same of the lists of one scan.
use axum::extract::{RawQuery, State};
use mipo_app::{AppError, views};
use mipo_domain::ids::ScanId;

use super::changes;
use crate::api::common::{FilterValues, column};
use crate::http::{Id, Json, Problem};
use crate::lists::Columns;
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::scans::{JOB_STATUSES, STATUSES};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The column of the query, if it is one of those whose values can be listed.
fn among(query: Option<&str>, filters: &'static [&'static str]) -> Result<String, AppError> {
    column(query, &Columns { filters, ..Columns::NONE })
}

/// Values of a column of the list of scans.
#[utoipa::path(
    get,
    path = "/api/scans/filter-values",
    tag = "scans",
    operation_id = "scanFilterValues",
    extensions(("x-right" = json!("scans:view"))),
    params(("column" = String, Query, description = "`status`, `startedBy` or `template`")),
    responses((status = 200, description = "The values", body = FilterValues))
)]
pub async fn scans(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<FilterValues>, Problem> {
    let column = among(query.as_deref(), &["status", "startedBy", "template"])?;
    let mut tx = app.db.read("scans.filter_values").await?;
    let found = views::scans::values(&mut tx, &app.ctx(&signed.caller), &column).await?;
    Ok(Json(FilterValues { values: if column == "status" { words(STATUSES) } else { found } }))
}

/// Values of a column of the list of jobs of a scan.
#[utoipa::path(
    get,
    path = "/api/scans/{id}/jobs/filter-values",
    tag = "scans",
    operation_id = "scanJobFilterValues",
    extensions(("x-right" = json!("scans:view"))),
    params(
        ("id" = i64, Path, description = "The scan"),
        ("column" = String, Query, description = "`status` or `scanner`"),
    ),
    responses((status = 200, description = "The values", body = FilterValues))
)]
pub async fn jobs(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScanId>,
    RawQuery(query): RawQuery,
) -> Result<Json<FilterValues>, Problem> {
    let column = among(query.as_deref(), &["status", "scanner"])?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scans.jobs.filter_values").await?;
    views::scans::get(&mut tx, &ctx, id).await?;
    let values = match column.as_str() {
        "status" => words(JOB_STATUSES),
        _ => views::scans::scanners(&mut tx, &ctx, id).await?,
    };
    Ok(Json(FilterValues { values }))
}

/// Values of a column of the findings of a scan.
#[utoipa::path(
    get,
    path = "/api/scans/{id}/results/filter-values",
    tag = "scans",
    operation_id = "scanResultFilterValues",
    extensions(("x-right" = json!("results:view"))),
    params(
        ("id" = i64, Path, description = "The scan"),
        ("column" = String, Query, description = "`scanner` or `service`"),
    ),
    responses((status = 200, description = "The values", body = FilterValues))
)]
pub async fn results(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScanId>,
    RawQuery(query): RawQuery,
) -> Result<Json<FilterValues>, Problem> {
    let column = among(query.as_deref(), &["scanner", "service"])?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scans.results.filter_values").await?;
    views::scans::exists(&mut tx, id).await?;
    let values = match column.as_str() {
        "scanner" => views::findings::scanners(&mut tx, &ctx, id).await?,
        _ => views::findings::services(&mut tx, &ctx, id).await?,
    };
    Ok(Json(FilterValues { values }))
}

/// Values of a column of the changes of a scan.
#[utoipa::path(
    get,
    path = "/api/scans/{id}/changes/filter-values",
    tag = "scans",
    operation_id = "scanChangeFilterValues",
    extensions(("x-right" = json!("results:view"))),
    params(
        ("id" = i64, Path, description = "The scan"),
        ("column" = String, Query, description = "`kind`"),
    ),
    responses((status = 200, description = "The values", body = FilterValues))
)]
pub async fn changes(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScanId>,
    RawQuery(query): RawQuery,
) -> Result<Json<FilterValues>, Problem> {
    among(query.as_deref(), &["kind"])?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scans.changes.filter_values").await?;
    views::scans::exists(&mut tx, id).await?;
    // The right is that of the list; the values are the same for every scan.
    ctx.require(mipo_domain::rights::Right::ResultsView)?;
    Ok(Json(FilterValues { values: words(changes::KINDS) }))
}
