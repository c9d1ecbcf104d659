//! `POST /api/ops/cron/:name/run`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::ops::cron;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::ops::Reason;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// The task that was enqueued.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronRunAnswer {
    task_id: Uuid,
}

/// Enqueues the task of an entry now; one that is still pending stands for both.
#[utoipa::path(
    post,
    path = "/api/ops/cron/{name}/run",
    tag = "ops",
    operation_id = "runCron",
    extensions(("x-right" = json!("queues:execute"))),
    params(("name" = String, Path, description = "The entry")),
    request_body = Reason,
    responses((status = 202, description = "Its task", body = CronRunAnswer))
)]
pub async fn run(
    State(app): State<App>,
    signed: SignedIn,
    Id(name): Id<String>,
    Json(body): Json<Reason>,
) -> Result<(StatusCode, Json<CronRunAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.run_cron").await?;
    let id = cron::run_now(&mut tx, &ctx, &name, &body.reason).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(CronRunAnswer { task_id: id.into() })))
}
