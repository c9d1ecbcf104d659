//! `GET /api/config/blackouts`
use axum::extract::{RawQuery, State};
use mipo_app::{AppError, blackouts};

use super::BlackoutAnswer;
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::blackouts::COLUMNS;

/// A page of blackout windows.
#[utoipa::path(
    get,
    path = "/api/config/blackouts",
    tag = "blackouts",
    operation_id = "listBlackouts",
    extensions(("x-right" = json!("safety:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("enabled" = Option<String>, Query, description = "One or more, separated by commas"),
        ("type" = Option<String>, Query, description = "`once`, `weekly`, or both, separated by commas"),
        ("timezone" = Option<String>, Query, description = "One or more, separated by commas"),
    ),
    responses((status = 200, description = "A page of blackout windows", body = Listed<BlackoutAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<BlackoutAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &COLUMNS).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("blackouts.list").await?;
    let found = blackouts::list(&mut tx, &ctx, &query.ask()).await?;
    Ok(Json(Listed::of(found, &query, |row| BlackoutAnswer::of(row, ctx.now()))))
}
