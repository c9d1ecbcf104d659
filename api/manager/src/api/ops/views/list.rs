//! `GET /api/ops/views`
use axum::extract::{RawQuery, State};
use mipo_app::ops::saved_views;
use serde::Serialize;
use utoipa::ToSchema;

use super::ViewAnswer;
use crate::http::{Json, Problem};
use crate::lists::pairs;
use crate::signed::SignedIn;
use crate::state::App;

/// Saved views of a page.
#[derive(Serialize, ToSchema)]
pub struct SavedViews {
    /// By name.
    items: Vec<ViewAnswer>,
}

/// One's own views of a page, and those that others share.
#[utoipa::path(
    get,
    path = "/api/ops/views",
    tag = "ops",
    operation_id = "listViews",
    extensions(("x-right" = json!("queues:view"))),
    params(("page" = Option<String>, Query, description = "`ops/tasks` unless said, `ops/failures` or `ops/queues`")),
    responses((status = 200, description = "The views", body = SavedViews))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<SavedViews>, Problem> {
    let page = pairs(query.as_deref().unwrap_or_default()).into_iter().find(|(name, _)| name == "page");
    let page = page.map_or_else(|| saved_views::PAGES[0].to_owned(), |(_, value)| value);
    let mut tx = app.db.read("ops.views").await?;
    let views = saved_views::list(&mut tx, &app.ctx(&signed.caller), &page).await?;
    Ok(Json(SavedViews { items: views.into_iter().map(Into::into).collect() }))
}
