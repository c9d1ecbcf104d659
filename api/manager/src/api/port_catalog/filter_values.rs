//! `GET /api/config/port-catalog/filter-values?column=`
use axum::extract::{RawQuery, State};
use mipo_app::port_catalog;

use crate::api::common::{FilterValues, column};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::port_catalog::COLUMNS;

/// What entries of the port catalog can be filtered by in a column.
#[utoipa::path(
    get,
    path = "/api/config/port-catalog/filter-values",
    tag = "port-catalog",
    operation_id = "portCatalogFilterValues",
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
    let mut tx = app.db.read("port_catalog.filter_values").await?;
    let values = port_catalog::filter_values(&mut tx, &app.ctx(&signed.caller), &column).await?;
    Ok(Json(FilterValues { values }))
}
