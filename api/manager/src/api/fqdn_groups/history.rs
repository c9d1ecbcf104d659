//! `GET /api/config/fqdn-groups/:id/history`
use axum::extract::State;
use mipo_app::groups::{self, GroupKind};
use mipo_domain::ids::FqdnGroupId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on an FQDN group, newest first.
#[utoipa::path(
    get,
    path = "/api/config/fqdn-groups/{id}/history",
    tag = "fqdn-groups",
    operation_id = "getFqdnGroupHistory",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The FQDN group; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<FqdnGroupId>,
) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("fqdn_groups.history").await?;
    let changes = groups::history(&mut tx, &app.ctx(&signed.caller), GroupKind::Fqdns, id.as_uuid()).await?;
    Ok(Json(History::of(changes)))
}
