//! `GET /api/scans/filter-values`
use axum::extract::{RawQuery, State};
use mipo_app::{AppError, views};
use mipo_domain::states::ScanStatus;

use crate::http::{Json, Problem};
use crate::lists::pairs;
use crate::signed::SignedIn;
use crate::state::App;

/// Values of a column of the list of scans.
#[utoipa::path(
    get,
    path = "/api/scans/filter-values",
    tag = "scans",
    operation_id = "scanFilterValues",
    extensions(("x-right" = json!("scans:view"))),
    params(("column" = String, Query, description = "`status` or `startedBy`")),
    responses((status = 200, description = "Values in order", body = Vec<String>))
)]
pub async fn scans(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<String>>, Problem> {
    let column = pairs(query.as_deref().unwrap_or_default()).into_iter().find(|(name, _)| name == "column");
    match column.as_ref().map(|(_, value)| value.as_str()) {
        Some("status") => Ok(Json(ScanStatus::ALL.iter().map(ToString::to_string).collect())),
        Some("startedBy") => {
            let mut tx = app.db.read("scans.starters").await?;
            Ok(Json(views::scans::starters(&mut tx, &app.ctx(&signed.caller)).await?))
        }
        _ => Err(AppError::invalid("column", "unknown_column", "Possible columns: status, startedBy.").into()),
    }
}
