//! `POST /api/ops/tasks/:id/retry`
use axum::extract::State;
use mipo_app::ops::tasks;
use mipo_domain::ids::TaskId;

use super::get::TaskAnswer;
use crate::api::ops::Reason;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Gives a dead or cancelled task its attempts once more.
#[utoipa::path(
    post,
    path = "/api/ops/tasks/{id}/retry",
    tag = "ops",
    operation_id = "retryTask",
    extensions(("x-right" = json!("queues:execute"))),
    params(("id" = Uuid, Path, description = "The task")),
    request_body = Reason,
    responses(
        (status = 200, description = "The task as it is now", body = TaskAnswer),
        (status = 409, description = "`WRONG_STATUS`: its state does not allow it"),
    )
)]
pub async fn retry(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TaskId>,
    Json(body): Json<Reason>,
) -> Result<Json<TaskAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.retry_task").await?;
    tasks::retry(&mut tx, &ctx, id, &body.reason).await?;
    tx.commit().await?;
    super::now(&app, &signed, id).await
}
