//! `PUT /api/config/subnets/:id`
use axum::extract::State;
use mipo_app::subnets;
use mipo_domain::ids::SubnetId;

use super::{SubnetAnswer, SubnetPatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes a subnet; fields that are left out stay as they are. Running scans keep their scope.
#[utoipa::path(
    put,
    path = "/api/config/subnets/{id}",
    tag = "subnets",
    operation_id = "updateSubnet",
    extensions(("x-right" = json!("config:manage"))),
    params(
        ("id" = Uuid, Path, description = "The subnet"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = SubnetPatchBody,
    responses(
        (status = 200, description = "The subnet as it is now", body = SubnetAnswer),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<SubnetId>,
    if_match: IfMatch,
    Json(body): Json<SubnetPatchBody>,
) -> Result<Json<SubnetAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("subnets.update").await?;
    let row = subnets::update(&mut tx, &ctx, id, patch).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}
