//! `POST /api/config/scan-templates/summary`
use axum::extract::State;
use mipo_app::templates;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::SourcesBody;
use crate::api::common::count;
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A scanner that would take part.
#[derive(Serialize, ToSchema)]
struct VantageAnswer {
    id: Uuid,
    name: String,
    /// `pending`, `active` or `offline`.
    status: String,
    ips: Option<u64>,
    probes: Option<u64>,
    /// About how long it would take.
    seconds: u64,
}

/// Something to know before a scan.
#[derive(Serialize, ToSchema)]
struct WarningAnswer {
    /// `no_scanner`, `scanner_offline`, `unresolved`, `empty_list`, `excluded`, `udp`, `scope_too_large`, …
    code: &'static str,
    message: String,
    /// True when nothing would be scanned.
    blocks: bool,
}

/// What a scan of some targets and ports would do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanSummary {
    /// Addresses, each once, less what is excluded; `null` when there are more than 2^53.
    ips: Option<u64>,
    excluded_ips: Option<u64>,
    /// TCP ports, each once.
    ports: u32,
    /// UDP ports, which are not scanned.
    udp_ports: u32,
    /// Addresses × ports, less what is excluded, from one vantage.
    probes: Option<u64>,
    /// Host names among the targets whose addresses are not known yet; a plan will find more than is counted here.
    unresolved: u32,
    scanners: Vec<VantageAnswer>,
    /// About how long the slowest scanner would take.
    seconds: u64,
    warnings: Vec<WarningAnswer>,
    /// True when it could be run.
    runnable: bool,
}

/// What a scan of targets and ports would do, without storing anything. Incomplete sources are fine.
#[utoipa::path(
    post,
    path = "/api/config/scan-templates/summary",
    tag = "scan-templates",
    operation_id = "summarizeScan",
    extensions(("x-right" = json!("config:view"))),
    request_body = SourcesBody,
    responses((status = 200, description = "The summary", body = ScanSummary))
)]
pub async fn summary(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<SourcesBody>,
) -> Result<Json<ScanSummary>, Problem> {
    let sources = body.into();
    let mut tx = app.db.read("scan_templates.summary").await?;
    let summary = templates::summary(&mut tx, &app.ctx(&signed.caller), &sources, app.scan_limits).await?;
    Ok(Json(ScanSummary {
        ips: count(summary.ips),
        excluded_ips: count(summary.excluded_ips),
        ports: summary.ports,
        udp_ports: summary.udp_ports,
        probes: count(summary.probes),
        seconds: summary.seconds,
        runnable: summary.is_runnable(),
        unresolved: summary.unresolved,
        scanners: summary
            .scanners
            .into_iter()
            .map(|vantage| VantageAnswer {
                id: vantage.id.as_uuid(),
                name: vantage.name,
                status: vantage.status,
                ips: count(vantage.ips),
                probes: count(vantage.probes),
                seconds: vantage.seconds,
            })
            .collect(),
        warnings: summary
            .warnings
            .into_iter()
            .map(|warning| WarningAnswer { code: warning.code, message: warning.message, blocks: warning.blocks })
            .collect(),
    }))
}
