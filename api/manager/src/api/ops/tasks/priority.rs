//! `POST /api/ops/tasks/:id/priority`
use axum::extract::State;
use mipo_app::ops::tasks;
use mipo_domain::ids::TaskId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::get::TaskAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A priority.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskPriority {
    /// 0 to 9, higher first.
    priority: i64,
    /// Goes to the audit log.
    #[serde(default)]
    reason: String,
}

/// Gives a pending task another priority.
#[utoipa::path(
    post,
    path = "/api/ops/tasks/{id}/priority",
    tag = "ops",
    operation_id = "setTaskPriority",
    extensions(("x-right" = json!("queues:execute"))),
    params(("id" = Uuid, Path, description = "The task")),
    request_body = TaskPriority,
    responses(
        (status = 200, description = "The task as it is now", body = TaskAnswer),
        (status = 409, description = "`WRONG_STATUS`: its state does not allow it"),
    )
)]
pub async fn priority(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TaskId>,
    Json(body): Json<TaskPriority>,
) -> Result<Json<TaskAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.prioritise_task").await?;
    tasks::set_priority(&mut tx, &ctx, id, body.priority, &body.reason).await?;
    tx.commit().await?;
    super::now(&app, &signed, id).await
}
