//! `POST /api/config/fqdn-groups/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::FqdnGroupId;

use super::FqdnGroupAnswer;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Copies an FQDN group, built-in ones too; the copy can be changed.
#[utoipa::path(
    post,
    path = "/api/config/fqdn-groups/{id}/clone",
    tag = "fqdn-groups",
    operation_id = "cloneFqdnGroup",
    extensions(("x-right" = json!("config:manage"))),
    params(("id" = Uuid, Path, description = "The FQDN group that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = FqdnGroupAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<FqdnGroupId>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<FqdnGroupAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("fqdn_groups.clone").await?;
    let row = groups::duplicate(&mut tx, &ctx, GroupKind::Fqdns, id.as_uuid(), &body.name).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
