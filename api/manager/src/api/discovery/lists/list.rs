//! `GET /api/config/discovery/lists`
use axum::extract::{RawQuery, State};
use mipo_app::AppError;
use mipo_app::discovery;

use super::DiscoveryListAnswer;
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::discovery::LIST_COLUMNS;

/// A page of discovery lists.
#[utoipa::path(
    get,
    path = "/api/config/discovery/lists",
    tag = "discovery",
    operation_id = "listDiscoveryLists",
    extensions(("x-right" = json!("discovery:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("source" = Option<String>, Query, description = "Names of sources, separated by commas"),
        ("scanner" = Option<String>, Query, description = "Names of scanners and scanner groups, separated by commas"),
    ),
    responses((status = 200, description = "A page of discovery lists", body = Listed<DiscoveryListAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<DiscoveryListAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &LIST_COLUMNS).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("discovery_lists.list").await?;
    let found = discovery::list_lists(&mut tx, &ctx, &query.ask()).await?;
    Ok(Json(Listed::of(found, &query, DiscoveryListAnswer::from)))
}
