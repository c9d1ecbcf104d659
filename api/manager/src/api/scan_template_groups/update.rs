//! `PUT /api/config/scan-template-groups/:id`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::TemplateGroupId;

use super::{ScanTemplateGroupAnswer, ScanTemplateGroupPatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes a scan template group; fields that are left out stay as they are. Running scans keep their scope.
#[utoipa::path(
    put,
    path = "/api/config/scan-template-groups/{id}",
    tag = "scan-template-groups",
    operation_id = "updateScanTemplateGroup",
    extensions(("x-right" = json!("config:manage"))),
    params(
        ("id" = Uuid, Path, description = "The scan template group"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = ScanTemplateGroupPatchBody,
    responses(
        (status = 200, description = "The scan template group as it is now", body = ScanTemplateGroupAnswer),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<TemplateGroupId>,
    if_match: IfMatch,
    Json(body): Json<ScanTemplateGroupPatchBody>,
) -> Result<Json<ScanTemplateGroupAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("scan_template_groups.update").await?;
    let row = groups::update(&mut tx, &ctx, GroupKind::Templates, id.as_uuid(), patch).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}
