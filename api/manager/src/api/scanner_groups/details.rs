//! `GET /api/config/scanner-groups/:id/details`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::ScannerGroupId;
use serde::Serialize;
use utoipa::ToSchema;

use super::ScannerGroupAnswer;
use crate::api::common::{UsedBy, used_by};
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A scanner group with what refers to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScannerGroupDetails {
    #[serde(flatten)]
    object: ScannerGroupAnswer,
    /// What refers to it; it cannot be deleted while there is something.
    used_by: Vec<UsedBy>,
}

/// A scanner group with what refers to it.
#[utoipa::path(
    get,
    path = "/api/config/scanner-groups/{id}/details",
    tag = "scanner-groups",
    operation_id = "getScannerGroupDetails",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The scanner group")),
    responses((status = 200, description = "The scanner group", body = ScannerGroupDetails))
)]
pub async fn details(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerGroupId>,
) -> Result<Json<ScannerGroupDetails>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scanner_groups.details").await?;
    let row = groups::get(&mut tx, &ctx, GroupKind::Scanners, id.as_uuid()).await?;
    let used_by = used_by(groups::users(&mut tx, &ctx, GroupKind::Scanners, id.as_uuid()).await?);
    let object = row.into();
    Ok(Json(ScannerGroupDetails { object, used_by }))
}
