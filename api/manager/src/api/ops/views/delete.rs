//! `DELETE /api/ops/views/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::ops::saved_views;
use uuid::Uuid;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Removes one's own view.
#[utoipa::path(
    delete,
    path = "/api/ops/views/{id}",
    tag = "ops",
    operation_id = "deleteView",
    extensions(("x-right" = json!("queues:view"))),
    params(("id" = Uuid, Path, description = "The view")),
    responses((status = 204, description = "It is gone"))
)]
pub async fn delete(State(app): State<App>, signed: SignedIn, Id(id): Id<Uuid>) -> Result<StatusCode, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.delete_view").await?;
    saved_views::delete(&mut tx, &ctx, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
