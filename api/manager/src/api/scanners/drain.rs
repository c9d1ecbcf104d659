//! `POST /api/scanners/:id/drain`
use axum::extract::State;
use mipo_app::scanners;
use mipo_domain::ids::ScannerId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ScannerAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

const fn one_day() -> i64 {
    scanners::DRAIN_MINUTES
}

/// How long a scanner drains.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainScanner {
    /// 1 to 43,200; a day without it, so that a forgotten drain ends.
    #[serde(default = "one_day")]
    minutes: i64,
}

/// Gives a scanner no new jobs for some time; what it works on goes on.
#[utoipa::path(
    post,
    path = "/api/scanners/{id}/drain",
    tag = "scanners",
    operation_id = "drainScanner",
    extensions(("x-right" = json!("scanners:manage"))),
    params(("id" = Uuid, Path, description = "The scanner")),
    request_body = DrainScanner,
    responses((status = 200, description = "The scanner as it is now", body = ScannerAnswer))
)]
pub async fn drain(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
    Json(body): Json<DrainScanner>,
) -> Result<Json<ScannerAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scanners.drain").await?;
    let scanner = scanners::drain(&mut tx, &ctx, id, body.minutes).await?;
    tx.commit().await?;
    Ok(Json(ScannerAnswer::of(scanner, ctx.now())))
}
