//! `GET /api/config/discovery/sources`
use axum::extract::{RawQuery, State};
use mipo_app::AppError;
use mipo_app::discovery;

use super::DiscoverySourceAnswer;
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::discovery::SOURCE_COLUMNS;

/// A page of discovery sources.
#[utoipa::path(
    get,
    path = "/api/config/discovery/sources",
    tag = "discovery",
    operation_id = "listDiscoverySources",
    extensions(("x-right" = json!("discovery:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("enabled" = Option<String>, Query, description = "true or false"),
    ),
    responses((status = 200, description = "A page of discovery sources", body = Listed<DiscoverySourceAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<DiscoverySourceAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &SOURCE_COLUMNS).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("discovery_sources.list").await?;
    let found = discovery::list(&mut tx, &ctx, &query.ask()).await?;
    Ok(Json(Listed::of(found, &query, DiscoverySourceAnswer::from)))
}
