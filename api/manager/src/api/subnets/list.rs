//! `GET /api/config/subnets`
use axum::extract::{RawQuery, State};
use mipo_app::AppError;
use mipo_app::subnets;

use super::SubnetAnswer;
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::subnets::COLUMNS;

/// A page of subnets.
#[utoipa::path(
    get,
    path = "/api/config/subnets",
    tag = "subnets",
    operation_id = "listSubnets",
    extensions(("x-right" = json!("config:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("family" = Option<String>, Query, description = "One or more, separated by commas"),
        ("assigned" = Option<String>, Query, description = "One or more, separated by commas"),
        ("builtIn" = Option<String>, Query, description = "One or more, separated by commas"),
    ),
    responses((status = 200, description = "A page of subnets", body = Listed<SubnetAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<SubnetAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &COLUMNS).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("subnets.list").await?;
    let found = subnets::list(&mut tx, &ctx, &query.ask()).await?;
    Ok(Json(Listed::of(found, &query, SubnetAnswer::from)))
}
