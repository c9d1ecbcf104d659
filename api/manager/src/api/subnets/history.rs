//! `GET /api/config/subnets/:id/history`
use axum::extract::State;
use mipo_app::subnets;
use mipo_domain::ids::SubnetId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on a subnet, newest first.
#[utoipa::path(
    get,
    path = "/api/config/subnets/{id}/history",
    tag = "subnets",
    operation_id = "getSubnetHistory",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The subnet; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(State(app): State<App>, signed: SignedIn, Id(id): Id<SubnetId>) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("subnets.history").await?;
    let changes = subnets::history(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(History::of(changes)))
}
