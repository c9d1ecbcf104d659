//! `GET /api/config/scan-template-groups/filter-values?column=`
use axum::extract::{RawQuery, State};
use mipo_app::groups::{self, GroupKind};

use crate::api::common::{FilterValues, column};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::groups::COLUMNS;

/// What scan template groups can be filtered by in a column.
#[utoipa::path(
    get,
    path = "/api/config/scan-template-groups/filter-values",
    tag = "scan-template-groups",
    operation_id = "scanTemplateGroupFilterValues",
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
    let mut tx = app.db.read("scan_template_groups.filter_values").await?;
    let values = groups::filter_values(&mut tx, &app.ctx(&signed.caller), GroupKind::Templates, &column).await?;
    Ok(Json(FilterValues { values }))
}
