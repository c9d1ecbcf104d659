//! `GET /api/scans`
use axum::extract::{RawQuery, State};
use mipo_app::{AppError, views};
use mipo_store::results::scan_views::COUNT_LIMIT;

use super::ScanAnswer;
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::scans::narrow::{self, COLUMNS};

/// Scans, newest first.
#[utoipa::path(
    get,
    path = "/api/scans",
    tag = "scans",
    operation_id = "listScans",
    extensions(("x-right" = json!("scans:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Number, or words in template or person"),
        ("status" = Option<String>, Query, description = "One or more, separated by commas"),
        ("startedBy" = Option<String>, Query, description = "User name"),
        ("template" = Option<String>, Query, description = "Name of the template"),
        ("from" = Option<String>, Query, description = "Requested on this day or later, YYYY-MM-DD"),
        ("to" = Option<String>, Query, description = "Requested on this day or earlier, YYYY-MM-DD"),
    ),
    responses((status = 200, description = "A page of scans", body = Listed<ScanAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<ScanAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &COLUMNS).map_err(AppError::Invalid)?;
    let by = narrow::of(&query).map_err(AppError::Invalid)?;
    let mut tx = app.db.read("scans.list").await?;
    let ctx = app.ctx(&signed.caller);
    let (scans, total) = views::scans::list(&mut tx, &ctx, &by, &query.sort, query.limit(), query.offset()).await?;
    Ok(Json(Listed {
        items: scans.into_iter().map(ScanAnswer::from).collect(),
        page: query.page,
        page_size: query.page_size,
        total,
        total_is_estimate: total > COUNT_LIMIT,
    }))
}
