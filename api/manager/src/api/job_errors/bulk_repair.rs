//! `POST /api/health/job-errors/bulk-repair`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::job_errors::{self, Ask};
use mipo_domain::ids::{JobErrorId, ScannerId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// The same repair of many.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BulkRepairJobErrors {
    /// 1 to 1,000 job errors.
    state_ids: Vec<Uuid>,
    /// `redispatch`, `reassign`, `fail`, `drain` or `release_binding`.
    action: String,
    /// Of a reassign: the active scanner that is to go on.
    scanner_id: Option<Uuid>,
    /// Why, at most 1,000 characters; it goes to the audit log.
    reason: String,
    /// So many are meant: when it would be another number, nothing is asked for.
    expected_count: Option<usize>,
}

/// One that was left out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LeftOut {
    state_id: Uuid,
    /// Why.
    detail: String,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkRepairAnswer {
    /// The repair of so many was asked for.
    asked: usize,
    /// Those for which it cannot be asked.
    left_out: Vec<LeftOut>,
}

/// Asks for the same repair of many job errors; one task carries them out.
#[utoipa::path(
    post,
    path = "/api/health/job-errors/bulk-repair",
    tag = "job-errors",
    operation_id = "bulkRepairJobErrors",
    extensions(("x-right" = json!("job-errors:execute"))),
    request_body = BulkRepairJobErrors,
    responses(
        (status = 202, description = "How many, and which were left out", body = BulkRepairAnswer),
        (status = 409, description = "`COUNT_CHANGED`"),
    )
)]
pub async fn bulk_repair(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<BulkRepairJobErrors>,
) -> Result<(StatusCode, Json<BulkRepairAnswer>), Problem> {
    let ids: Vec<JobErrorId> = body.state_ids.iter().copied().map(JobErrorId::from).collect();
    let ask = Ask { action: body.action, scanner_id: body.scanner_id.map(ScannerId::from), reason: body.reason };
    let mut tx = app.db.tx("job_errors.bulk_repair").await?;
    let done = job_errors::ask_many(&mut tx, &app.ctx(&signed.caller), &ids, &ask, body.expected_count).await?;
    tx.commit().await?;
    let left_out = done.left_out.into_iter().map(|(id, detail)| LeftOut { state_id: id.as_uuid(), detail }).collect();
    Ok((StatusCode::ACCEPTED, Json(BulkRepairAnswer { asked: done.asked, left_out })))
}
