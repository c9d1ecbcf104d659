//! `GET /api/config/scan-templates`
use axum::extract::{RawQuery, State};
use mipo_app::AppError;
use mipo_app::templates;

use super::ScanTemplateAnswer;
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::templates::COLUMNS;

/// A page of scan templates.
#[utoipa::path(
    get,
    path = "/api/config/scan-templates",
    tag = "scan-templates",
    operation_id = "listScanTemplates",
    extensions(("x-right" = json!("config:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("builtIn" = Option<String>, Query, description = "One or more, separated by commas"),
        ("createdBy" = Option<String>, Query, description = "One or more, separated by commas"),
    ),
    responses((status = 200, description = "A page of scan templates", body = Listed<ScanTemplateAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<ScanTemplateAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &COLUMNS).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scan_templates.list").await?;
    let found = templates::list(&mut tx, &ctx, &query.ask()).await?;
    let summaries = templates::summaries(&mut tx, &ctx, &found.items, app.scan_limits).await?;
    let mut summaries = summaries.into_iter();
    let rows = Listed::of(found, &query, |row| ScanTemplateAnswer::of(row, &summaries.next().unwrap_or_default()));
    Ok(Json(rows))
}
