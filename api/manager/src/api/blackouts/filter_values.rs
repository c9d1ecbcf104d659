//! `GET /api/config/blackouts/filter-values?column=`
use axum::extract::{RawQuery, State};
use mipo_app::blackouts;

use crate::api::common::{FilterValues, column};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::blackouts::COLUMNS;

/// What blackout windows can be filtered by in a column.
#[utoipa::path(
    get,
    path = "/api/config/blackouts/filter-values",
    tag = "blackouts",
    operation_id = "blackoutFilterValues",
    extensions(("x-right" = json!("safety:view"))),
    params(("column" = String, Query, description = "The column")),
    responses((status = 200, description = "The values", body = FilterValues))
)]
pub async fn filter_values(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<FilterValues>, Problem> {
    let column = column(query.as_deref(), &COLUMNS)?;
    let mut tx = app.db.read("blackouts.filter_values").await?;
    let values = blackouts::filter_values(&mut tx, &app.ctx(&signed.caller), &column).await?;
    Ok(Json(FilterValues { values }))
}
