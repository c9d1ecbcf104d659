//! `POST /api/scanners/:id/disable`
use axum::extract::State;
use mipo_app::scanners;
use mipo_domain::ids::ScannerId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ScannerAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Why a scanner is disabled.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisableScanner {
    /// For the audit log, at most 2,000 characters.
    #[serde(default)]
    reason: String,
}

/// Disables a scanner: its calls are refused and it gets no jobs.
#[utoipa::path(
    post,
    path = "/api/scanners/{id}/disable",
    tag = "scanners",
    operation_id = "disableScanner",
    extensions(("x-right" = json!("scanners:manage"))),
    params(("id" = Uuid, Path, description = "The scanner")),
    request_body = DisableScanner,
    responses((status = 200, description = "The scanner as it is now", body = ScannerAnswer))
)]
pub async fn disable(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    Json(body): Json<DisableScanner>,
) -> Result<Json<ScannerAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scanners.disable").await?;
    let scanner = scanners::disable(&mut tx, &ctx, id, &body.reason).await?;
    tx.commit().await?;
    Ok(Json(ScannerAnswer::of(scanner, ctx.now())))
}
