//! `POST /api/ops/cron/:name/pause`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::ops::cron;

use crate::api::ops::Reason;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Stops an entry from ticking. A reason is required.
#[utoipa::path(
    post,
    path = "/api/ops/cron/{name}/pause",
    tag = "ops",
    operation_id = "pauseCron",
    extensions(("x-right" = json!("queues:execute"))),
    params(("name" = String, Path, description = "The entry")),
    request_body = Reason,
    responses(
        (status = 204, description = "Done"),
        (status = 409, description = "`WRONG_STATUS`: it is so already"),
    )
)]
pub async fn pause(
    State(app): State<App>,
    signed: SignedIn,
    Id(name): Id<String>,
    Json(body): Json<Reason>,
) -> Result<StatusCode, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.pause_cron").await?;
    cron::pause(&mut tx, &ctx, &name, &body.reason).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
