//! `POST /api/config/scanner-groups/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::ScannerGroupId;

use super::ScannerGroupAnswer;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Copies a scanner group, built-in ones too; the copy can be changed.
#[utoipa::path(
    post,
    path = "/api/config/scanner-groups/{id}/clone",
    tag = "scanner-groups",
    operation_id = "cloneScannerGroup",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The scanner group that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = ScannerGroupAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScannerGroupId>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<ScannerGroupAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scanner_groups.clone").await?;
    let row = groups::duplicate(&mut tx, &ctx, GroupKind::Scanners, id.as_uuid(), &body.name).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
