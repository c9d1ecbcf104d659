//! `POST /api/scanners`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::scanners;

use super::{EnrolmentAnswer, NewScannerBody};
use crate::enrolment::Commands;
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes a scanner. The answer holds its one-time token, which is shown this once and stored as a hash.
#[utoipa::path(
    post,
    path = "/api/scanners",
    tag = "scanners",
    operation_id = "createScanner",
    extensions(("x-right" = json!("scanners:manage"))),
    request_body = NewScannerBody,
    responses(
        (status = 201, description = "The new scanner and its token", body = EnrolmentAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewScannerBody>,
) -> Result<(StatusCode, Json<EnrolmentAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("scanners.create").await?;
    let enrolment = scanners::create(&mut tx, &ctx, body.into()).await?;
    let commands = Commands::of(&mut tx, &app, &enrolment).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(EnrolmentAnswer::of(enrolment, commands, ctx.now()))))
}
