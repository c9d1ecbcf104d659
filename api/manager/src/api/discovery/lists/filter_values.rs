//! `GET /api/config/discovery/lists/filter-values?column=`
use axum::extract::{RawQuery, State};
use mipo_app::discovery;

use crate::api::common::{FilterValues, column};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::discovery::LIST_COLUMNS;

/// What discovery lists can be filtered by in a column.
#[utoipa::path(
    get,
    path = "/api/config/discovery/lists/filter-values",
    tag = "discovery",
    operation_id = "discoveryListFilterValues",
    extensions(("x-right" = json!("discovery:view"))),
    params(("column" = String, Query, description = "The column")),
    responses((status = 200, description = "The values", body = FilterValues))
)]
pub async fn filter_values(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<FilterValues>, Problem> {
    let column = column(query.as_deref(), &LIST_COLUMNS)?;
    let mut tx = app.db.read("discovery_lists.filter_values").await?;
    let values = discovery::list_values(&mut tx, &app.ctx(&signed.caller), &column).await?;
    Ok(Json(FilterValues { values }))
}
