//! `POST /api/ops/tasks/:id/cancel`
use axum::extract::State;
use mipo_app::ops::tasks;
use mipo_domain::ids::TaskId;

use super::get::TaskAnswer;
use crate::api::ops::Reason;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Calls a task off: a pending one ends at once, the worker of a running one is asked to stop. A reason is required.
#[utoipa::path(
    post,
    path = "/api/ops/tasks/{id}/cancel",
    tag = "ops",
    operation_id = "cancelTask",
    extensions(("x-right" = json!("queues:execute"))),
    params(("id" = Uuid, Path, description = "The task")),
    request_body = Reason,
    responses(
        (status = 200, description = "The task as it is now", body = TaskAnswer),
        (status = 409, description = "`WRONG_STATUS`: its state does not allow it"),
    )
)]
pub async fn cancel(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TaskId>,
    Json(body): Json<Reason>,
) -> Result<Json<TaskAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.cancel_task").await?;
    tasks::cancel(&mut tx, &ctx, id, &body.reason).await?;
    tx.commit().await?;
    super::now(&app, &signed, id).await
}
