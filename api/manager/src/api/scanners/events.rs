//! `GET /api/scanners/:id/events`
use axum::extract::State;
use chrono::{DateTime, Utc};
use mipo_app::scanners;
use mipo_domain::ids::ScannerId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Something that happened to a scanner.
#[derive(Serialize, ToSchema)]
struct ScannerEventAnswer {
    at: DateTime<Utc>,
    /// The service that saw it.
    source: String,
    /// Such as `scanner_down`.
    r#type: String,
    severity: String,
    summary: String,
}

/// What happened to a scanner, newest first.
#[derive(Serialize, ToSchema)]
pub struct ScannerEvents {
    items: Vec<ScannerEventAnswer>,
}

/// What happened to a scanner: at most 200, newest first.
#[utoipa::path(
    get,
    path = "/api/scanners/{id}/events",
    tag = "scanners",
    operation_id = "getScannerEvents",
    extensions(("x-right" = json!("scanners:view"))),
    params(("id" = Uuid, Path, description = "The scanner")),
    responses((status = 200, description = "The events", body = ScannerEvents))
)]
pub async fn events(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
) -> Result<Json<ScannerEvents>, Problem> {
    let mut tx = app.db.read("scanners.events").await?;
    let events = scanners::events(&mut tx, &app.ctx(&signed.caller), id).await?;
    let items = events
        .into_iter()
        .map(|event| ScannerEventAnswer {
            at: event.at,
            source: event.source,
            r#type: event.kind,
            severity: event.severity,
            summary: event.summary,
        })
        .collect();
    Ok(Json(ScannerEvents { items }))
}
