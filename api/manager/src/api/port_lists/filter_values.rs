//! `GET /api/config/port-lists/filter-values?column=`
use axum::extract::{RawQuery, State};
use mipo_app::port_lists;

use crate::api::common::{FilterValues, column};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::port_lists::COLUMNS;

/// What port lists can be filtered by in a column.
#[utoipa::path(
    get,
    path = "/api/config/port-lists/filter-values",
    tag = "port-lists",
    operation_id = "portListFilterValues",
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
    let mut tx = app.db.read("port_lists.filter_values").await?;
    let values = port_lists::filter_values(&mut tx, &app.ctx(&signed.caller), &column).await?;
    Ok(Json(FilterValues { values }))
}
