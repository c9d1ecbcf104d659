//! `GET /api/health/job-errors/:stateId`
use axum::extract::State;
use mipo_app::job_errors;
use mipo_domain::ids::JobErrorId;

use super::JobErrorAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// One job error with its context and history.
#[utoipa::path(
    get,
    path = "/api/health/job-errors/{stateId}",
    tag = "job-errors",
    operation_id = "getJobError",
    extensions(("x-right" = json!("job-errors:view"))),
    params(("stateId" = Uuid, Path, description = "The job error")),
    responses((status = 200, description = "The job error", body = JobErrorAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<JobErrorId>,
) -> Result<Json<JobErrorAnswer>, Problem> {
    let mut tx = app.db.read("job_errors.get").await?;
    let error = job_errors::get(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(JobErrorAnswer::of(error)?))
}
