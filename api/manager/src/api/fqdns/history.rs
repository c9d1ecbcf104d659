//! `GET /api/config/fqdns/:id/history`
use axum::extract::State;
use mipo_app::fqdns;
use mipo_domain::ids::FqdnId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on an FQDN, newest first.
#[utoipa::path(
    get,
    path = "/api/config/fqdns/{id}/history",
    tag = "fqdns",
    operation_id = "getFqdnHistory",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The FQDN; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(State(app): State<App>, signed: SignedIn, Id(id): Id<FqdnId>) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("fqdns.history").await?;
    let changes = fqdns::history(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(History::of(changes)))
}
