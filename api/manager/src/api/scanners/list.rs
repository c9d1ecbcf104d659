//! `GET /api/scanners`
use axum::extract::{RawQuery, State};
use mipo_app::{AppError, scanners};

use super::ScannerAnswer;
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::scanners::COLUMNS;

/// A page of scanners.
#[utoipa::path(
    get,
    path = "/api/scanners",
    tag = "scanners",
    operation_id = "listScanners",
    extensions(("x-right" = json!("scanners:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("status" = Option<String>, Query, description = "One or more, separated by commas"),
        ("binding" = Option<String>, Query, description = "One or more, separated by commas"),
        ("version" = Option<String>, Query, description = "One or more, separated by commas"),
        ("createdBy" = Option<String>, Query, description = "One or more, separated by commas"),
    ),
    responses((status = 200, description = "A page of scanners", body = Listed<ScannerAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<ScannerAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &COLUMNS).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scanners.list").await?;
    let found = scanners::list(&mut tx, &ctx, &query.ask()).await?;
    Ok(Json(Listed::of(found, &query, |row| ScannerAnswer::of(row, ctx.now()))))
}
