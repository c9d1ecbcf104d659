//! `GET /api/ops/tasks/:id/args`
use axum::extract::{RawQuery, State};
use mipo_app::AppError;
use mipo_app::ops::arguments;
use mipo_domain::ids::TaskId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::{Id, Json, Problem};
use crate::lists::pairs;
use crate::signed::SignedIn;
use crate::state::App;

/// The arguments of a task in clear.
#[derive(Serialize, ToSchema)]
pub struct TaskArguments {
    #[schema(value_type = Object)]
    arguments: Value,
}

/// The arguments of a task, unmasked. Each look is written to the audit log.
#[utoipa::path(
    get,
    path = "/api/ops/tasks/{id}/args",
    tag = "ops",
    operation_id = "revealTaskArguments",
    extensions(("x-right" = json!("task-args:view"))),
    params(
        ("id" = Uuid, Path, description = "The task"),
        ("reveal" = String, Query, description = "`true`: the look is meant and may be written down"),
    ),
    responses((status = 200, description = "The arguments", body = TaskArguments))
)]
pub async fn args(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TaskId>,
    RawQuery(query): RawQuery,
) -> Result<Json<TaskArguments>, Problem> {
    let meant =
        pairs(query.as_deref().unwrap_or_default()).iter().any(|(name, value)| name == "reveal" && value == "true");
    if !meant {
        let message =
            "Say reveal=true: the look is written to the audit log. The masked arguments are those of the task.";
        return Err(AppError::invalid("reveal", "required", message).into());
    }
    let mut tx = app.db.tx("ops.task_arguments").await?;
    let arguments = arguments::reveal(&mut tx, &app.ctx(&signed.caller), &app.sealer, id).await?;
    tx.commit().await?;
    Ok(Json(TaskArguments { arguments }))
}
