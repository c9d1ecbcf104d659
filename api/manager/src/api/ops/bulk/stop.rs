//! `POST /api/ops/bulk/:id/stop`
use axum::extract::State;
use mipo_app::ops::bulk;
use uuid::Uuid;

use super::BulkAnswer;
use crate::api::ops::Reason;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Stops an operation after its batch; what it has done stays.
#[utoipa::path(
    post,
    path = "/api/ops/bulk/{id}/stop",
    tag = "ops",
    operation_id = "stopBulk",
    extensions(("x-right" = json!("queues:execute"))),
    params(("id" = Uuid, Path, description = "The operation")),
    request_body = Reason,
    responses(
        (status = 200, description = "The operation as it is now", body = BulkAnswer),
        (status = 409, description = "`WRONG_STATUS`: its state does not allow it"),
    )
)]
pub async fn stop(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<Uuid>,
    Json(body): Json<Reason>,
) -> Result<Json<BulkAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.stop_bulk").await?;
    bulk::stop(&mut tx, &ctx, id, &body.reason).await?;
    tx.commit().await?;
    super::now(&app, &signed, id).await
}
