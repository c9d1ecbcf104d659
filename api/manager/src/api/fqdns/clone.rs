//! `POST /api/config/fqdns/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::fqdns;
use mipo_domain::ids::FqdnId;

use super::FqdnAnswer;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Copies an FQDN, built-in ones too; the copy can be changed.
#[utoipa::path(
    post,
    path = "/api/config/fqdns/{id}/clone",
    tag = "fqdns",
    operation_id = "cloneFqdn",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The FQDN that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = FqdnAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<FqdnId>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<FqdnAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("fqdns.clone").await?;
    let row = fqdns::duplicate(&mut tx, &ctx, id, &body.name).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
