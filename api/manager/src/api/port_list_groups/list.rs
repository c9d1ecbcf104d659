//! `GET /api/config/port-list-groups`
use axum::extract::{RawQuery, State};
use mipo_app::AppError;
use mipo_app::groups::{self, GroupKind};

use super::PortListGroupAnswer;
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::config::groups::COLUMNS;

/// A page of port list groups.
#[utoipa::path(
    get,
    path = "/api/config/port-list-groups",
    tag = "port-list-groups",
    operation_id = "listPortListGroupGroups",
    extensions(("x-right" = json!("config:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("builtIn" = Option<String>, Query, description = "One or more, separated by commas"),
    ),
    responses((status = 200, description = "A page of port list groups", body = Listed<PortListGroupAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<PortListGroupAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &COLUMNS).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("port_list_groups.list").await?;
    let found = groups::list(&mut tx, &ctx, GroupKind::PortLists, &query.ask()).await?;
    Ok(Json(Listed::of(found, &query, PortListGroupAnswer::from)))
}
