//! `GET /api/ops/views/:id/history`
use axum::extract::State;
use mipo_app::ops::saved_views;
use uuid::Uuid;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on a view, newest first.
#[utoipa::path(
    get,
    path = "/api/ops/views/{id}/history",
    tag = "ops",
    operation_id = "getViewHistory",
    extensions(("x-right" = json!("queues:view"))),
    params(("id" = Uuid, Path, description = "The view")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(State(app): State<App>, signed: SignedIn, Id(id): Id<Uuid>) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("ops.view_history").await?;
    let changes = saved_views::history(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(History::of(changes)))
}
