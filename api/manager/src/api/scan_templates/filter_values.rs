//! `GET /api/config/scan-templates/filter-values?column=`
use axum::extract::{RawQuery, State};
use mipo_app::templates;

use crate::api::common::{FilterValues, column};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::templates::COLUMNS;

/// What scan templates can be filtered by in a column.
#[utoipa::path(
    get,
    path = "/api/config/scan-templates/filter-values",
    tag = "scan-templates",
    operation_id = "scanTemplateFilterValues",
    extensions(("x-right" = json!("config:view"))),
    params(("column" = String, Query, description = "The column")),
    responses((status = 200, description = "The values", body = FilterValues))
)]
pub async fn filter_values(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<FilterValues>, Problem> {
    let column = column(query.as_deref(), &COLUMNS)?;
    let mut tx = app.db.read("scan_templates.filter_values").await?;
    let values = templates::filter_values(&mut tx, &app.ctx(&signed.caller), &column).await?;
    Ok(Json(FilterValues { values }))
}
