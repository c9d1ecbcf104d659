//! `POST /api/ops/bulk`
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use mipo_app::ops::bulk::{self, Request};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::BulkAnswer;
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// An operation over many tasks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartBulk {
    /// `retry`, `cancel`, `discard`, `reprioritise` or `run_now`.
    action: String,
    /// In the filter language of the tasks.
    filter: String,
    /// Of a reprioritise: 0 to 9.
    priority: Option<i64>,
    /// Goes to the audit log; required unless it is a dry run.
    #[serde(default)]
    reason: String,
    /// Counts and names some tasks, and starts nothing.
    #[serde(default)]
    dry_run: bool,
    /// The count of the dry run: when it is another by now, nothing is started.
    expected_count: Option<i64>,
}

/// What an operation would do.
#[derive(Serialize, ToSchema)]
pub struct BulkDryRun {
    /// Exactly so many tasks.
    count: i64,
    /// Some of them, newest first.
    sample: Vec<Uuid>,
    /// The filter as it was understood.
    filter: String,
}

/// Starts an operation over all tasks that pass a filter and are in a state for it; or, as a dry run, counts them.
#[utoipa::path(
    post,
    path = "/api/ops/bulk",
    tag = "ops",
    operation_id = "startBulk",
    extensions(("x-right" = json!("queues:execute"))),
    request_body = StartBulk,
    responses(
        (status = 200, description = "Of a dry run", body = BulkDryRun),
        (status = 202, description = "The operation; a task works on it", body = BulkAnswer),
        (status = 409, description = "`COUNT_CHANGED`"),
    )
)]
pub async fn start(State(app): State<App>, signed: SignedIn, Json(body): Json<StartBulk>) -> Result<Response, Problem> {
    let ctx = app.ctx(&signed.caller);
    let request = Request {
        action: &body.action,
        filter: &body.filter,
        priority: body.priority,
        reason: &body.reason,
        expected: body.expected_count,
    };
    if body.dry_run {
        let mut tx = app.db.look("ops.bulk_dry_run").await?;
        let found = bulk::dry_run(&mut tx, &ctx, &request).await?;
        let sample = found.sample.into_iter().map(Into::into).collect();
        return Ok(Json(BulkDryRun { count: found.count, sample, filter: found.filter }).into_response());
    }
    let mut tx = app.db.tx("ops.start_bulk").await?;
    let id = bulk::start(&mut tx, &ctx, &request).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, super::now(&app, &signed, id).await?).into_response())
}
