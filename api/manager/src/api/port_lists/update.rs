//! `PUT /api/config/port-lists/:id`
use axum::extract::State;
use mipo_app::port_lists;
use mipo_domain::ids::PortListId;

use super::{PortListAnswer, PortListPatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes a port list; fields that are left out stay as they are. Running scans keep their scope.
#[utoipa::path(
    put,
    path = "/api/config/port-lists/{id}",
    tag = "port-lists",
    operation_id = "updatePortList",
    extensions(("x-right" = json!("config:manage"))),
    params(
        ("id" = Uuid, Path, description = "The port list"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = PortListPatchBody,
    responses(
        (status = 200, description = "The port list as it is now", body = PortListAnswer),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<PortListId>,
    if_match: IfMatch,
    Json(body): Json<PortListPatchBody>,
) -> Result<Json<PortListAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("port_lists.update").await?;
    let row = port_lists::update(&mut tx, &ctx, id, patch).await?;
    tx.commit().await?;
    Ok(Json(PortListAnswer::of(row)?))
}
