//! `GET /api/config/exclusions`
use axum::extract::{RawQuery, State};
use mipo_app::exclusions;
use mipo_app::{AppError, Found};

use super::ExclusionAnswer;
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::exclusions::COLUMNS;

/// A page of exclusions.
#[utoipa::path(
    get,
    path = "/api/config/exclusions",
    tag = "exclusions",
    operation_id = "listExclusions",
    extensions(("x-right" = json!("safety:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("enabled" = Option<String>, Query, description = "One or more, separated by commas"),
        ("builtIn" = Option<String>, Query, description = "One or more, separated by commas"),
        ("owner" = Option<String>, Query, description = "One or more, separated by commas"),
    ),
    responses((status = 200, description = "A page of exclusions", body = Listed<ExclusionAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<ExclusionAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &COLUMNS).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("exclusions.list").await?;
    let Found { items, total, total_is_estimate } = exclusions::list(&mut tx, &ctx, &query.ask()).await?;
    let items = items.into_iter().map(|row| ExclusionAnswer::of(row, ctx.now())).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(Listed::of(Found { items, total, total_is_estimate }, &query, |row| row)))
}
