//! `POST /api/ops/bulk/:id/undo`
use axum::extract::State;
use mipo_app::ops::bulk;
use uuid::Uuid;

use super::BulkAnswer;
use crate::api::ops::Reason;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Brings back what an operation discarded, within 24 h. A reason is required.
#[utoipa::path(
    post,
    path = "/api/ops/bulk/{id}/undo",
    tag = "ops",
    operation_id = "undoBulk",
    extensions(("x-right" = json!("queues:execute"))),
    params(("id" = Uuid, Path, description = "The operation that discarded")),
    request_body = Reason,
    responses(
        (status = 200, description = "The operation that brings the tasks back", body = BulkAnswer),
        (status = 409, description = "`NOT_A_DISCARD`, `STILL_RUNNING`, `TOO_LATE`, `NOTHING_TO_UNDO`"),
    )
)]
pub async fn undo(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    Json(body): Json<Reason>,
) -> Result<Json<BulkAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.undo_bulk").await?;
    let undo = bulk::undo(&mut tx, &ctx, id, &body.reason).await?;
    tx.commit().await?;
    super::now(&app, &signed, undo).await
}
