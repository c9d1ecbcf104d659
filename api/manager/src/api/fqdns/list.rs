//! `GET /api/config/fqdns`
use axum::extract::{RawQuery, State};
use mipo_app::AppError;
use mipo_app::fqdns;

use super::FqdnAnswer;
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::fqdns::COLUMNS;

/// A page of FQDNs.
#[utoipa::path(
    get,
    path = "/api/config/fqdns",
    tag = "fqdns",
    operation_id = "listFqdns",
    extensions(("x-right" = json!("config:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("resolved" = Option<String>, Query, description = "One or more, separated by commas"),
        ("assigned" = Option<String>, Query, description = "One or more, separated by commas"),
        ("builtIn" = Option<String>, Query, description = "One or more, separated by commas"),
    ),
    responses((status = 200, description = "A page of FQDNs", body = Listed<FqdnAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<FqdnAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &COLUMNS).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("fqdns.list").await?;
    let found = fqdns::list(&mut tx, &ctx, &query.ask()).await?;
    Ok(Json(Listed::of(found, &query, FqdnAnswer::from)))
}
