//! `POST /api/config/fqdns`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::fqdns;

use super::{FqdnAnswer, NewFqdnBody};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes an FQDN.
#[utoipa::path(
    post,
    path = "/api/config/fqdns",
    tag = "fqdns",
    operation_id = "createFqdn",
    extensions(("x-right" = json!("config:manage"))),
    request_body = NewFqdnBody,
    responses(
        (status = 201, description = "The new FQDN", body = FqdnAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewFqdnBody>,
) -> Result<(StatusCode, Json<FqdnAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("fqdns.create").await?;
    let row = fqdns::create(&mut tx, &ctx, body.into()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
