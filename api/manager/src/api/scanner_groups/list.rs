//! `GET /api/config/scanner-groups`
use axum::extract::{RawQuery, State};
use mipo_app::AppError;
use mipo_app::groups::{self, GroupKind};

use super::ScannerGroupAnswer;
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::groups::COLUMNS;

/// A page of scanner groups.
#[utoipa::path(
    get,
    path = "/api/config/scanner-groups",
    tag = "scanner-groups",
    operation_id = "listScannerGroups",
    extensions(("x-right" = json!("config:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("builtIn" = Option<String>, Query, description = "One or more, separated by commas"),
    ),
    responses((status = 200, description = "A page of scanner groups", body = Listed<ScannerGroupAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<ScannerGroupAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &COLUMNS).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scanner_groups.list").await?;
    let found = groups::list(&mut tx, &ctx, GroupKind::Scanners, &query.ask()).await?;
    Ok(Json(Listed::of(found, &query, ScannerGroupAnswer::from)))
}
