//! `GET /api/config/scan-template-groups/:id/details`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::TemplateGroupId;
use serde::Serialize;
use utoipa::ToSchema;

use super::ScanTemplateGroupAnswer;
use crate::api::common::{UsedBy, used_by};
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A scan template group with what refers to it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanTemplateGroupDetails {
    #[serde(flatten)]
    object: ScanTemplateGroupAnswer,
    /// What refers to it; it cannot be deleted while there is something.
    used_by: Vec<UsedBy>,
}

/// A scan template group with what refers to it.
#[utoipa::path(
    get,
    path = "/api/config/scan-template-groups/{id}/details",
    tag = "scan-template-groups",
    operation_id = "getScanTemplateGroupDetails",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The scan template group")),
    responses((status = 200, description = "The scan template group", body = ScanTemplateGroupDetails))
)]
pub async fn details(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TemplateGroupId>,
) -> Result<Json<ScanTemplateGroupDetails>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scan_template_groups.details").await?;
    let row = groups::get(&mut tx, &ctx, GroupKind::Templates, id.as_uuid()).await?;
    let used_by = used_by(groups::users(&mut tx, &ctx, GroupKind::Templates, id.as_uuid()).await?);
    let object = row.into();
    Ok(Json(ScanTemplateGroupDetails { object, used_by }))
}
