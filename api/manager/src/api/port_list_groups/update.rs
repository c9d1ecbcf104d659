//! `PUT /api/config/port-list-groups/:id`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::PortListGroupId;

use super::{PortListGroupAnswer, PortListGroupPatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes a port list group; fields that are left out stay as they are. Running scans keep their scope.
#[utoipa::path(
    put,
    path = "/api/config/port-list-groups/{id}",
    tag = "port-list-groups",
    operation_id = "updatePortListGroup",
    extensions(("x-right" = json!("config:manage"))),
    params(
        ("id" = Uuid, Path, description = "The port list group"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = PortListGroupPatchBody,
    responses(
        (status = 200, description = "The port list group as it is now", body = PortListGroupAnswer),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortListGroupId>,
    if_match: IfMatch,
    Json(body): Json<PortListGroupPatchBody>,
) -> Result<Json<PortListGroupAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("port_list_groups.update").await?;
    let row = groups::update(&mut tx, &ctx, GroupKind::PortLists, id.as_uuid(), patch).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}
