//! `GET /api/scans/:id`
use axum::extract::State;
use mipo_app::{blackouts, views};
use mipo_domain::ids::ScanId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::ScanAnswer;
use crate::api::blackouts::HeldBy;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::scans::Progress;

/// A scan with what was frozen when it was planned.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScanDetail)]
pub struct Answer {
    #[serde(flatten)]
    scan: ScanAnswer,
    /// Seconds until it ends at its present rate, if that is known.
    eta_seconds: Option<i64>,
    /// Targets, ports, vantages and exclusions as planned; absent until then.
    #[schema(value_type = Option<Object>)]
    scope: Option<Value>,
    /// SHA-256 of the scope, hex.
    scope_hash: Option<String>,
    /// What orders the probes, hex.
    seed: String,
    /// What somebody should know of.
    #[schema(value_type = Vec<Object>)]
    warnings: Value,
    /// The scan that its changes are compared with.
    previous_scan_id: Option<i64>,
    /// The blackout windows that hold jobs of it now.
    held_by: Vec<HeldBy>,
}

/// One scan.
#[utoipa::path(
    get,
    path = "/api/scans/{id}",
    tag = "scans",
    operation_id = "getScan",
    extensions(("x-right" = json!("scans:view"))),
    params(("id" = i64, Path, description = "The scan")),
    responses((status = 200, description = "The scan", body = Answer))
)]
pub async fn get(State(app): State<App>, signed: SignedIn, Id(id): Id<ScanId>) -> Result<Json<Answer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scans.get").await?;
    let detail = views::scans::detail(&mut tx, &ctx, id).await?;
    let held = blackouts::holding(&mut tx, &ctx, id).await?;
    let progress = Progress::of_scan(&detail.scan, &app.rates, ctx.now());
    Ok(Json(Answer {
        scan: detail.scan.into(),
        eta_seconds: progress.eta_seconds,
        scope: detail.scope,
        scope_hash: detail.frozen.scope_hash.map(hex::encode),
        seed: hex::encode(detail.frozen.seed),
        warnings: detail.frozen.warnings,
        previous_scan_id: detail.previous.map(ScanId::get),
        held_by: held.into_iter().map(HeldBy::from).collect(),
    }))
}
