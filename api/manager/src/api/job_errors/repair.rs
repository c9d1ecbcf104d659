//! `POST /api/health/job-errors/:stateId/repair`
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use mipo_app::job_errors::{self, Ask};
use mipo_domain::ids::{JobErrorId, ScannerId};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::JobErrorAnswer;
use crate::api::scanners::EnrolmentAnswer;
use crate::enrolment::Commands;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A repair that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepairJobError {
    /// `redispatch`, `reassign`, `fail`, `drain`, `regenerate_token` or `release_binding`; the error names those that help.
    action: String,
    /// Of a reassign: the active scanner that is to go on.
    scanner_id: Option<Uuid>,
    /// Why, at most 1,000 characters; it goes to the audit log.
    reason: String,
}

impl RepairJobError {
    /// The same for the use case.
    fn ask(self) -> Ask {
        Ask { action: self.action, scanner_id: self.scanner_id.map(ScannerId::from), reason: self.reason }
    }
}

/// Asks for a repair. A task carries it out and writes what came of it into the history; a new token is made at once and
/// answered here, once, and needs the right scanners:manage and the password from within the last 5 minutes.
#[utoipa::path(
    post,
    path = "/api/health/job-errors/{stateId}/repair",
    tag = "job-errors",
    operation_id = "repairJobError",
    extensions(("x-right" = json!("job-errors:execute"))),
    params(("stateId" = Uuid, Path, description = "The job error")),
    request_body = RepairJobError,
    responses(
        (status = 200, description = "Of `regenerate_token`: the scanner and its token", body = EnrolmentAnswer),
        (status = 202, description = "The job error; a task carries the repair out", body = JobErrorAnswer),
        (status = 403, description = "`REAUTH_REQUIRED`"),
        (status = 409, description = "`RESOLVED`, or `REPAIR_PENDING`: one was asked for already"),
    )
)]
pub async fn repair(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<JobErrorId>,
    Json(body): Json<RepairJobError>,
) -> Result<Response, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("job_errors.repair").await?;
    if let Some(enrolment) = job_errors::ask(&mut tx, &ctx, id, &body.ask()).await? {
        let commands = Commands::of(&mut tx, &app, &enrolment).await?;
        tx.commit().await?;
        return Ok(Json(EnrolmentAnswer::of(enrolment, commands, ctx.now())).into_response());
    }
    let error = job_errors::answered(&mut tx, id).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(JobErrorAnswer::of(error)?)).into_response())
}
