//! `GET /api/scanners/:id/key-history`
use axum::extract::State;
use chrono::{DateTime, Utc};
use mipo_app::scanners;
use mipo_domain::ids::ScannerId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A key that came or went.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct KeyRotationAnswer {
    rotated_at: DateTime<Utc>,
    rotated_by: String,
    reason: String,
    /// The key before, without its secret.
    old_key_prefix: Option<String>,
    /// The key after, without its secret.
    new_key_prefix: Option<String>,
}

/// The keys of a scanner that came and went, newest first.
#[derive(Serialize, ToSchema)]
pub struct KeyHistory {
    items: Vec<KeyRotationAnswer>,
}

/// The keys of a scanner that came and went: at most 200, newest first.
#[utoipa::path(
    get,
    path = "/api/scanners/{id}/key-history",
    tag = "scanners",
    operation_id = "getScannerKeyHistory",
    extensions(("x-right" = json!("scanners:view"))),
    params(("id" = Uuid, Path, description = "The scanner")),
    responses((status = 200, description = "The keys", body = KeyHistory))
)]
pub async fn key_history(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerId>,
) -> Result<Json<KeyHistory>, Problem> {
    let mut tx = app.db.read("scanners.key_history").await?;
    let rotations = scanners::key_history(&mut tx, &app.ctx(&signed.caller), id).await?;
    let items = rotations
        .into_iter()
        .map(|rotation| KeyRotationAnswer {
            rotated_at: rotation.rotated_at,
            rotated_by: rotation.rotated_by,
            reason: rotation.reason,
            old_key_prefix: rotation.old_key_prefix,
            new_key_prefix: rotation.new_key_prefix,
        })
        .collect();
    Ok(Json(KeyHistory { items }))
}
