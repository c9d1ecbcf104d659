//! `GET /api/config/port-catalog`
use axum::extract::{RawQuery, State};
use mipo_app::port_catalog;
use mipo_app::{AppError, Found};

use super::CatalogAnswer;
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::port_catalog::COLUMNS;

/// A page of entries of the port catalog.
#[utoipa::path(
    get,
    path = "/api/config/port-catalog",
    tag = "port-catalog",
    operation_id = "listPortCatalog",
    extensions(("x-right" = json!("config:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("builtIn" = Option<String>, Query, description = "One or more, separated by commas"),
        ("protocol" = Option<String>, Query, description = "`tcp`, `udp`, `both`; one or more, separated by commas"),
    ),
    responses((status = 200, description = "A page of entries of the port catalog", body = Listed<CatalogAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<CatalogAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &COLUMNS).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("port_catalog.list").await?;
    let Found { items, total, total_is_estimate } = port_catalog::list(&mut tx, &ctx, &query.ask()).await?;
    let items = items.into_iter().map(CatalogAnswer::of).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(Listed::of(Found { items, total, total_is_estimate }, &query, |row| row)))
}
