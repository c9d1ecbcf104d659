//! `PUT /api/config/fqdn-groups/:id`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::FqdnGroupId;

use super::{FqdnGroupAnswer, FqdnGroupPatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes an FQDN group; fields that are left out stay as they are. Running scans keep their scope.
#[utoipa::path(
    put,
    path = "/api/config/fqdn-groups/{id}",
    tag = "fqdn-groups",
    operation_id = "updateFqdnGroup",
    extensions(("x-right" = json!("config:manage"))),
    params(
        ("id" = Uuid, Path, description = "The FQDN group"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = FqdnGroupPatchBody,
    responses(
        (status = 200, description = "The FQDN group as it is now", body = FqdnGroupAnswer),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<FqdnGroupId>,
    if_match: IfMatch,
    Json(body): Json<FqdnGroupPatchBody>,
) -> Result<Json<FqdnGroupAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("fqdn_groups.update").await?;
    let row = groups::update(&mut tx, &ctx, GroupKind::Fqdns, id.as_uuid(), patch).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}
