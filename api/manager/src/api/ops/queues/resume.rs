//! `POST /api/ops/queues/:name/resume`
use axum::extract::State;
use mipo_app::ops::queues;

use super::QueueAnswer;
use crate::api::ops::Reason;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Lets a paused queue go on.
#[utoipa::path(
    post,
    path = "/api/ops/queues/{name}/resume",
    tag = "ops",
    operation_id = "resumeQueue",
    extensions(("x-right" = json!("queues:execute"))),
    params(("name" = String, Path, description = "The queue")),
    request_body = Reason,
    responses(
        (status = 200, description = "The queue as it is now", body = QueueAnswer),
        (status = 409, description = "`WRONG_STATUS`: its state does not allow it"),
    )
)]
pub async fn resume(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<String>,
    Json(body): Json<Reason>,
) -> Result<Json<QueueAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.resume_queue").await?;
    queues::resume(&mut tx, &ctx, &id, &body.reason).await?;
    tx.commit().await?;
    super::now(&app, &signed, &id).await
}
