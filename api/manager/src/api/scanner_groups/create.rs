//! `POST /api/config/scanner-groups`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::groups::{self, GroupKind};

use super::{NewScannerGroupBody, ScannerGroupAnswer};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes a scanner group.
#[utoipa::path(
    post,
    path = "/api/config/scanner-groups",
    tag = "scanner-groups",
    operation_id = "createScannerGroup",
    extensions(("x-right" = json!("config:manage"))),
    request_body = NewScannerGroupBody,
    responses(
        (status = 201, description = "The new scanner group", body = ScannerGroupAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewScannerGroupBody>,
) -> Result<(StatusCode, Json<ScannerGroupAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scanner_groups.create").await?;
    let row = groups::create(&mut tx, &ctx, GroupKind::Scanners, body.into()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
