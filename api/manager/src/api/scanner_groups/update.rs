//! `PUT /api/config/scanner-groups/:id`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::ScannerGroupId;

use super::{ScannerGroupAnswer, ScannerGroupPatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes a scanner group; fields that are left out stay as they are. Running scans keep their scope.
#[utoipa::path(
    put,
    path = "/api/config/scanner-groups/{id}",
    tag = "scanner-groups",
    operation_id = "updateScannerGroup",
    extensions(("x-right" = json!("config:manage"))),
    params(
        ("id" = Uuid, Path, description = "The scanner group"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = ScannerGroupPatchBody,
    responses(
        (status = 200, description = "The scanner group as it is now", body = ScannerGroupAnswer),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerGroupId>,
    if_match: IfMatch,
    Json(body): Json<ScannerGroupPatchBody>,
) -> Result<Json<ScannerGroupAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("scanner_groups.update").await?;
    let row = groups::update(&mut tx, &ctx, GroupKind::Scanners, id.as_uuid(), patch).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}
