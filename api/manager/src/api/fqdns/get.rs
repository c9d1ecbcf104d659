//! `GET /api/config/fqdns/:id`
use axum::extract::State;
use mipo_app::fqdns;
use mipo_domain::ids::FqdnId;

use super::FqdnAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// An FQDN.
#[utoipa::path(
    get,
    path = "/api/config/fqdns/{id}",
    tag = "fqdns",
    operation_id = "getFqdn",
    extensions(("x-right" = json!("config:view"))),
    params(("id" = Uuid, Path, description = "The FQDN")),
    responses((status = 200, description = "The FQDN", body = FqdnAnswer))
)]
pub async fn get(State(app): State<App>, signed: SignedIn, Id(id): Id<FqdnId>) -> Result<Json<FqdnAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("fqdns.get").await?;
    let row = fqdns::get(&mut tx, &ctx, id).await?;
    Ok(Json(row.into()))
}
