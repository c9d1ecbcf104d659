//! `POST /api/config/fqdn-groups`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::groups::{self, GroupKind};

use super::{FqdnGroupAnswer, NewFqdnGroupBody};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes an FQDN group.
#[utoipa::path(
    post,
    path = "/api/config/fqdn-groups",
    tag = "fqdn-groups",
    operation_id = "createFqdnGroup",
    extensions(("x-right" = json!("config:manage"))),
    request_body = NewFqdnGroupBody,
    responses(
        (status = 201, description = "The new FQDN group", body = FqdnGroupAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewFqdnGroupBody>,
) -> Result<(StatusCode, Json<FqdnGroupAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("fqdn_groups.create").await?;
    let row = groups::create(&mut tx, &ctx, GroupKind::Fqdns, body.into()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
