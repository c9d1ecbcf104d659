//! `POST /api/scans/:id/pause`, `/resume`, `/cancel`
use axum::extract::State;
use mipo_app::{scans, views};
use mipo_domain::ids::ScanId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ScanAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ScanControl)]
pub struct Reason {
    /// Goes to the audit log; at most 2,000 characters. To cancel a scan it is required.
    #[serde(default)]
    reason: String,
}

/// Holds a scan: jobs that wait are paused at once, those that a scanner holds are handed back with their place kept.
#[utoipa::path(
    post,
    path = "/api/scans/{id}/pause",
    tag = "scans",
    operation_id = "pauseScan",
    extensions(("x-right" = json!("scans:execute"))),
    params(("id" = i64, Path, description = "The scan")),
    request_body = Reason,
    responses((status = 200, description = "The scan as it is now", body = ScanAnswer))
)]
pub async fn pause(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScanId>,
    Json(body): Json<Reason>,
) -> Result<Json<ScanAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scans.pause").await?;
    scans::pause(&mut tx, &ctx, id, &body.reason).await?;
    tx.commit().await?;
    now(&app, &signed, id).await
}

/// Lets a paused scan go on where it stopped.
#[utoipa::path(
    post,
    path = "/api/scans/{id}/resume",
    tag = "scans",
    operation_id = "resumeScan",
    extensions(("x-right" = json!("scans:execute"))),
    params(("id" = i64, Path, description = "The scan")),
    request_body = Reason,
    responses((status = 200, description = "The scan as it is now", body = ScanAnswer))
)]
pub async fn resume(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScanId>,
    Json(body): Json<Reason>,
) -> Result<Json<ScanAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scans.resume").await?;
    scans::resume(&mut tx, &ctx, id, &body.reason).await?;
    tx.commit().await?;
    now(&app, &signed, id).await
}

/// Calls a scan off. What was found so far stays; it cannot be resumed.
#[utoipa::path(
    post,
    path = "/api/scans/{id}/cancel",
    tag = "scans",
    operation_id = "cancelScan",
    extensions(("x-right" = json!("scans:execute"))),
    params(("id" = i64, Path, description = "The scan")),
    request_body = Reason,
    responses((status = 200, description = "The scan as it is now", body = ScanAnswer))
)]
pub async fn cancel(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScanId>,
    Json(body): Json<Reason>,
) -> Result<Json<ScanAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scans.cancel").await?;
    scans::cancel(&mut tx, &ctx, id, &body.reason).await?;
    tx.commit().await?;
    now(&app, &signed, id).await
}

async fn now(app: &App, signed: &SignedIn, id: ScanId) -> Result<Json<ScanAnswer>, Problem> {
    let mut tx = app.db.read("scans.get").await?;
    Ok(Json(views::scans::get(&mut tx, &app.ctx(&signed.caller), id).await?.into()))
}
